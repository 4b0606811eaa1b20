"""The README's table of settings, made from the code."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from knote.settings import Settings


def variable(name: str, field: FieldInfo) -> str:
    """The environment variable of a setting."""
    return str(field.validation_alias or f"KNOTE_{name.upper()}")


def rows() -> list[str]:
    """The lines of the table, one a setting."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            default = default.get_secret_value()
        shown = "" if default in {None, ""} else f"`{default}`"
        lines.append(f"| `{variable(name, field)}` | {shown} | {field.description} |")
    return lines


if __name__ == "__main__":
    print("\n".join(rows()))

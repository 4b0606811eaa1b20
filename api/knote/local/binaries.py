"""Where the programs of local mode come from: the environment, a PyPI wheel, or PATH."""

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from knote.local.errors import LocalModeError


def find_mongod() -> Path:
    """The `mongod` program. Raises `LocalModeError` when this machine has none."""
    return (
        _named_by("KNOTE_MONGOD")
        or _inside_package("fiftyone", "db", "bin", _program("mongod"))
        or _on_path("mongod")
        or _missing("MongoDB", "mongod", "KNOTE_MONGOD", "MONGO_URL")
    )


def find_weed() -> Path:
    """The `weed` program of SeaweedFS. Raises `LocalModeError` when this machine has none."""
    return (
        _named_by("KNOTE_WEED")
        or _in_scripts("weed")
        or _on_path("weed")
        or _missing("the S3 server SeaweedFS", "weed", "KNOTE_WEED", "MINIO_HOST")
    )


def _program(name: str) -> str:
    return f"{name}.exe" if sys.platform == "win32" else name


def _named_by(variable: str) -> Path | None:
    value = os.environ.get(variable)
    if not value:
        return None
    path = Path(value).expanduser().absolute()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise LocalModeError(f"{variable} names {path}, and there is no program there.")
    return path


def _inside_package(package: str, *parts: str) -> Path | None:
    """A file inside an installed package, found without importing the package."""
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations if spec else None) or ():
        path = Path(root).joinpath(*parts)
        if path.is_file():
            return path
    return None


def _in_scripts(name: str) -> Path | None:
    path = Path(sysconfig.get_path("scripts"), _program(name))
    return path if path.is_file() else None


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found).absolute() if found else None


def _missing(what: str, program: str, variable: str, service: str) -> Path:
    machine = f"{platform.system()} {platform.machine()}"
    raise LocalModeError(
        f"Local mode needs {what}, and there is no `{program}` program for this machine ({machine}):"
        f" run `make setup` to get it from PyPI, put `{program}` on PATH, name it in {variable},"
        f" or set {service} to use a server you already have."
    )

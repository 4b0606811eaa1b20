"""One fuzz target under atheris: `python -m fuzz.engine TARGET`, then what libFuzzer takes."""

import importlib
import random
import sys
import tempfile
from pathlib import Path

import atheris

INSTRUMENTED = {
    "inspect": ["knote", "PIL"],
    "multipart": ["knote", "fastapi", "starlette", "python_multipart"],
}
_MENDED_SHARE = 0.75


def main() -> None:
    """Fuzzes until libFuzzer ends the process."""
    target = sys.argv.pop(1)
    if target == "inspect":
        _fuzz_inspector()
    else:
        _fuzz_multipart()


def _fuzz_inspector() -> None:
    with atheris.instrument_imports(include=INSTRUMENTED["inspect"]):
        inspection = importlib.import_module("fuzz.inspection")
    inspection.limit_memory()
    inspector = inspection.Inspection(Path(tempfile.mkdtemp()))

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        changed: bytes = atheris.Mutate(data, max_size)
        is_mended = random.Random(seed).random() < _MENDED_SHARE
        mended: bytes = inspection.with_checksums(changed) if is_mended else changed
        return mended

    def check(data: bytes) -> None:
        inspector.check(data)

    atheris.Setup(sys.argv, check, custom_mutator=mutate)
    atheris.Fuzz()


def _fuzz_multipart() -> None:
    with atheris.instrument_imports(include=INSTRUMENTED["multipart"]):
        reception = importlib.import_module("fuzz.reception")
    uploads = reception.Reception()

    def check(data: bytes) -> None:
        uploads.check(data)

    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

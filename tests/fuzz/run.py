"""The fuzz run: `make fuzz`, `MINUTES=10` for longer. It needs atheris, which `make fuzz` installs apart.

Both targets run side by side, each in a process of its own that starts from the committed corpus and
keeps what it learns outside the checkout. An input that crashes, hangs (30 s) or takes more than
512 MiB is kept in test-results/fuzz; once its cause is mended it belongs into the corpus.
"""

import argparse
import asyncio
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "corpus"
FOUND = CHECKOUT / "test-results" / "fuzz"
LEARNT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "knote", "fuzz")
TARGETS = {"inspect": 64 * 1024, "multipart": 8 * 1024}
MEMORY_MIB = 512
HANG_SECONDS = 30
_FIGURE = re.compile(r"stat::(\w+):\s+(\d+)")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


def main() -> int:
    """Fuzzes every target for some minutes. Returns 1 when something was found."""
    parser = argparse.ArgumentParser(description="Fuzz the picture inspector and the multipart path.")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--target", choices=TARGETS, action="append")
    arguments = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.stdout.write("Fuzzing needs atheris, which PyPI has for Linux on x86_64 alone.\n")
        return 1
    FOUND.mkdir(parents=True, exist_ok=True)
    return max(asyncio.run(_run_all(arguments.target or list(TARGETS), arguments.minutes)))


async def _run_all(targets: list[str], minutes: float) -> list[int]:
    return list(await asyncio.gather(*(asyncio.to_thread(_run, name, minutes) for name in targets)))


def _run(name: str, minutes: float) -> int:
    """One target in a process of its own, and a line about how it went."""
    (LEARNT / name).mkdir(parents=True, exist_ok=True)
    log = FOUND / f"{name}.log"
    started = time.monotonic()
    with TemporaryDirectory(prefix="knote-fuzz-") as folder, log.open("wb") as output:
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "fuzz.engine", name),
                f"-max_total_time={round(minutes * 60)}",
                f"-max_len={TARGETS[name]}",
                f"-timeout={HANG_SECONDS}",
                f"-rss_limit_mb={MEMORY_MIB}",
                f"-artifact_prefix={FOUND}/{name}-",
                "-print_final_stats=1",
                *(str(LEARNT / name), str(CORPUS / name)),
            ],
            env={**os.environ, "TMPDIR": folder, "PYTHONPATH": str(CHECKOUT / "tests")},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    text = log.read_text("utf-8", "replace")
    figures = dict(_FIGURE.findall(text))
    covered = _COVERED.findall(text)[-1:] or [("?", "?", "?")]
    sys.stdout.write(
        f"{name}: {'clean' if not ended.returncode else f'FOUND SOMETHING, see {log}'}; "
        f"{figures.get('number_of_executed_units', '?')} inputs in {time.monotonic() - started:.0f} s, "
        f"{covered[0][0]} edges, {covered[0][1]} features, {covered[0][2]} inputs worth keeping, "
        f"peak {figures.get('peak_rss_mb', '?')} MiB\n"
    )
    return min(1, abs(ended.returncode))


if __name__ == "__main__":
    sys.exit(main())

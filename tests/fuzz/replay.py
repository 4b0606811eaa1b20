"""Every input of a corpus, then changed ones, without atheris: `python -m fuzz.replay TARGET CHANGED`.

The changes are the same each time. It prints one JSON object about how it went.
"""

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.inspection import Inspection, limit_memory, with_checksums
from fuzz.reception import Reception

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Replays one target."""
    target, changed = sys.argv[1], int(sys.argv[2])
    corpus = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    outcomes: Counter[str] = Counter()
    with TemporaryDirectory(prefix="knote-fuzz-") as folder:
        check = _inspector(Path(folder)) if target == "inspect" else _uploads()
        for data in corpus:
            outcomes[str(check(data))] += 1
        noise = random.Random(target)
        for _ in range(changed):
            check(change(noise, corpus))
    # Not `ru_maxrss`: that begins with what the process had that started this one.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    sys.stdout.write(json.dumps({"outcomes": outcomes, "peak_bytes": int(peak) * 1024}) + "\n")


def _inspector(folder: Path) -> Callable[[bytes], object]:
    limit_memory()
    return Inspection(folder).check


def _uploads() -> Callable[[bytes], object]:
    uploads = Reception()
    return lambda data: int(uploads.check(data).status)


def change(noise: random.Random, corpus: list[bytes]) -> bytes:
    """One input of the corpus, changed in a few places."""
    data = bytearray(noise.choice(corpus))
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(len(data) + 1)
        piece = noise.randrange(1, 24)
        match noise.randrange(6):
            case 0 if data:
                data[at % len(data)] ^= 1 << noise.randrange(8)
            case 1:
                data[at : at + piece] = noise.randbytes(piece)
            case 2:
                del data[at : at + piece]
            case 3:
                data[at:at] = data[max(0, at - piece) : at]
            case 4:
                other = noise.choice(corpus)
                start = noise.randrange(len(other) + 1)
                data[at:at] = other[start : start + 8 * piece]
            case _:
                data[at : at + 4] = noise.choice(
                    (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\r\n")
                )
    return with_checksums(bytes(data)) if noise.random() < 0.75 else bytes(data)


if __name__ == "__main__":
    main()

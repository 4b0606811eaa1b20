"""Writes the corpus that fuzzing starts from: `PYTHONPATH=tests python -m fuzz.seeds`.

All of it is made here. What fuzzing finds is added to the same folders by hand and stays.
"""

import sys
from pathlib import Path

from fuzz.reception import as_input
from pictures import samples
from pictures.test_inspect_bombs import jpeg_of_many_scans

CORPUS = Path(__file__).parent / "corpus"


def inspect_seeds() -> dict[str, bytes]:
    """Small pictures of each format, in most of the ways it has to be written."""
    small = samples.photo(24, 16)
    seeds = {f"metadata-{name.lower()}": samples.with_metadata(name) for name in samples.FORMATS}
    seeds |= {f"moving-{name.lower()}": samples.moving(name, size=(16, 12)) for name in samples.MOVING}
    seeds |= {
        f"turned-{name.lower()}": samples.encode(small, name, exif=samples.exif(6))
        for name in ("JPEG", "PNG", "WEBP", "AVIF")
    }
    for bits, colour in ((1, 0), (4, 0), (16, 0), (8, 2), (16, 2), (8, 4), (16, 4), (8, 6), (16, 6)):
        seeds[f"png-{bits}-{colour}"] = samples.png(5, 4, bits=bits, colour=colour)
    seeds["png-palette"] = samples.encode(small.convert("P"), "PNG", transparency=3)
    seeds["png-interlaced"] = samples.png(1, 1, interlaced=True)
    seeds["jpeg-arithmetic"] = samples.arithmetic_jpeg()
    seeds["jpeg-progressive"] = samples.encode(small, "JPEG", progressive=True)
    seeds["jpeg-gray"] = samples.encode(small.convert("L"), "JPEG")
    seeds["jpeg-cmyk"] = samples.encode(small.convert("CMYK"), "JPEG")
    seeds["jpeg-restarts"] = samples.encode(small, "JPEG", restart_marker_rows=1)
    seeds["webp-lossless"] = samples.encode(samples.photo(9, 9, "RGBA"), "WEBP", lossless=True)
    seeds["webp-alpha"] = samples.encode(samples.photo(9, 9, "RGBA"), "WEBP")
    seeds["webp-header-only"] = samples.riff(samples.webp_header(4, 4))
    seeds["avif-alpha"] = samples.encode(samples.photo(9, 9, "RGBA"), "AVIF")
    seeds["gif-odd-frames"] = samples.gif(2, 2, [samples.gif_frame(3, 1), samples.gif_frame(1, 4)])
    seeds["gif-long"] = samples.long_gif(2, 40)
    seeds["jpeg-many-scans"] = jpeg_of_many_scans()[:4000]
    seeds |= {f"not-{name.replace(' ', '-')}": data for name, data in samples.NOT_PICTURES.items()}
    return seeds


def multipart_seeds() -> dict[str, bytes]:
    """Bodies as clients send them, good and bad."""
    form, b, end = "multipart/form-data; boundary=b", b"--b\r\n", b"\r\n--b--\r\n"
    disposition = b"Content-Disposition: form-data"
    file = disposition + b'; name="file"; filename="a.png"\r\n'
    quoted = disposition + b'; name="file"; filename="%22\xc3\xa4\\""; filename*=UTF-8\'\'%e2%82%ac\r\n'
    bodies = {
        "one-file": b + file + b"Content-Type: image/png\r\n\r\n" + b"\x89PNG\r\n" + end,
        "two-files": b + file + b"\r\none\r\n" + b + file + b"\r\ntwo" + end,
        "a-field": b + disposition + b'; name="file"\r\n\r\ntext' + end,
        "other-name": b + disposition + b'; name="x"; filename="y"\r\n\r\n' + end,
        "no-name": b + disposition + b"\r\n\r\nx" + end,
        "no-headers": b + b"\r\nx" + end,
        "no-end": b + file + b"\r\nx",
        "no-begin": b"x",
        "empty": b"",
        "preamble": b"before\r\n" + b + file + b"\r\nx" + end + b"after",
        "header-without-colon": b + b"Content-Disposition\r\n\r\nx" + end,
        "folded-header": b + file + b" ; folded\r\n\r\nx" + end,
        "some-headers": b + file + b"X-A: b\r\n" * 5 + b"\r\nx" + end,
        "many-headers": b + file + b"X-A: b\r\n" * 20 + b"\r\nx" + end,
        "many-parts": (b + file + b"\r\nx\r\n") * 30 + end[2:],
        "encoded-name": b + quoted + b"\r\nx" + end,
        "base64": b + file + b"Content-Transfer-Encoding: base64\r\n\r\neA==" + end,
    }
    types = {
        "bad-charset": f"{form}; charset=nope",
        "utf-7": f"{form}; charset=utf-7",
        "utf-16": f"{form}; charset=utf-16",
        "no-boundary": "multipart/form-data",
        "other-boundary": "multipart/form-data; boundary=c",
        "mixed": "multipart/mixed; boundary=b",
        "no-type": "",
    }
    whole = b + file + b"\r\nx" + end
    long = "b" * 300
    return {
        **{name: as_input(form, body) for name, body in bodies.items()},
        **{name: as_input(type_, whole) for name, type_ in types.items()},
        "in-bytes": as_input(form, b + file + b"\r\n" + b"abc\r\n--\r\n--c" + end, size=1),
        "hung-up": as_input(form, b + file + b"\r\n" + b"abc" * 30 + end, size=20, cut=3),
        "too-large": as_input(form, b + file + b"\r\n" + b"x" * 5000 + end, size=255),
        "quoted-boundary": as_input(
            'multipart/form-data; boundary="b b"', b"--b b\r\n" + file + b"\r\nx\r\n--b b--"
        ),
        "empty-boundary": as_input("multipart/form-data; boundary=", b"--\r\n" + file + b"\r\nx\r\n----"),
        "long-boundary": as_input(
            f"multipart/form-data; boundary={long}", f"--{long}\r\n".encode() + file + b"\r\nx"
        ),
        "urlencoded": as_input("application/x-www-form-urlencoded", b"file=abc&file=%00%ff;x=+&&=&a"),
        "json": as_input("application/json", b'{"file": "abc"}'),
    }


def main() -> None:
    """Writes all seeds."""
    for target, seeds in (("inspect", inspect_seeds()), ("multipart", multipart_seeds())):
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)
        sys.stdout.write(f"{folder}: {len(seeds)} seeds, {sum(map(len, seeds.values()))} bytes\n")


if __name__ == "__main__":
    main()

"""Decodes each file once and puts the same bytes into the S3 server, 16 at once. Prints the seconds."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from PIL import Image


def main() -> None:
    """Reads what to do as one JSON object: endpoint, access_key, secret_key, bucket, files."""
    job = json.load(sys.stdin)
    client: Any = botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=job["endpoint"],
        aws_access_key_id=job["access_key"],
        aws_secret_access_key=job["secret_key"],
        config=Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            max_pool_connections=16,
        ),
    )

    def keep(number: int, path: str) -> None:
        data = Path(path).read_bytes()
        with Image.open(path) as picture:
            picture.load()
        client.put_object(Bucket=job["bucket"], Key=f"limit/{number}", Body=data)

    keep(-1, job["files"][0])
    with ThreadPoolExecutor(16) as threads:
        began = time.perf_counter()
        list(threads.map(keep, range(len(job["files"])), job["files"]))
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main()

"""Signs in without pause, each time from another address: `python -m abuse.signing_in PORT NAME PASSWORD`."""

import asyncio
import itertools
import os
import sys

import httpx

AT_ONCE = 4


async def sign_in_on_and_on(client: httpx.AsyncClient, numbers: "itertools.count[int]", body: object) -> None:
    """One after the other, until the process is ended."""
    while True:
        number = next(numbers)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        answer = await client.post("/api/v1/session", json=body, headers={"X-Forwarded-For": address})
        assert answer.status_code == 201, answer.text
        client.cookies.clear()


async def main(port: str, name: str, password: str) -> None:
    """So many at once that one always waits for its turn."""
    numbers = itertools.count()
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(AT_ONCE):
            tasks.create_task(sign_in_on_and_on(client, numbers, {"name": name, "password": password}))


if __name__ == "__main__":
    os.nice(10)  # Whoever really signs in does so on a machine of their own.
    asyncio.run(main(*sys.argv[1:]))

"""The command line: `python -m knote serve | local | bootstrap | sweep | fsck | openapi`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from knote.errors import KnoteError
from knote.settings import Settings


def main() -> int:
    """Runs one command. Returns the exit status: 0 done, 1 something is wrong, 2 cannot start."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments, Settings()))
    except ValidationError as error:
        print(_settings_sentence(error), file=sys.stderr)
        return 2
    except KnoteError as error:
        print(f"knote: {error.detail}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="knote", description="Markdown notes with pictures.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("serve", _serve, "serve the API; the stores are where MONGO_URL and MINIO_HOST say"),
        ("local", _local, "serve the whole system: API, page, a MongoDB and an object store"),
        ("bootstrap", _bootstrap, "prepare the stores: replica set, users, bucket; any number of times"),
        ("sweep", _sweep, "remove for good what nobody can reach any more"),
        ("fsck", _fsck, "compare notes, picture rows and bucket; mend what is safe to mend"),
        ("openapi", _openapi, "print the API's OpenAPI document"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        if name in {"sweep", "fsck"}:
            command.add_argument("--dry-run", action="store_true", help="change nothing")
    return parser


def _serve(_: argparse.Namespace, settings: Settings) -> int:
    from knote.app import create_app
    from knote.logs import configure_logging
    from knote.server import Server

    configure_logging(settings)
    server = Server(create_app(settings), settings)
    server.run()
    return 0 if server.started else 2


def _local(_: argparse.Namespace, settings: Settings) -> int:
    from knote.local import run_local

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(run_local(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The event loop that `serve` runs on, too."""
    from uvicorn import Config

    return Config(app="knote").get_loop_factory() or asyncio.new_event_loop


def _bootstrap(_: argparse.Namespace, __: Settings) -> int:
    from knote.bootstrap import BootstrapSettings, bootstrap

    bootstrap(BootstrapSettings())
    return 0


def _sweep(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.maintenance import sweep

    _print_json(asyncio.run(sweep(settings, dry_run=arguments.dry_run)))
    return 0


def _fsck(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.maintenance import fsck

    report = asyncio.run(fsck(settings, dry_run=arguments.dry_run))
    _print_json(report)
    return 1 if report["status"] == "broken" else 0


def _openapi(_: argparse.Namespace, settings: Settings) -> int:
    from knote.app import create_app

    _print_json(create_app(settings).openapi())
    return 0


def _print_json(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _settings_sentence(error: ValidationError) -> str:
    """What is wrong with the environment, naming variables and no value: one may be a secret."""
    parts = []
    for found in error.errors(include_input=False, include_url=False):
        name = str(found["loc"][0]) if found["loc"] else "settings"
        variable = f"KNOTE_{name.upper()}" if name.islower() and name != "settings" else name
        message = found["msg"].removeprefix("Value error, ")
        parts.append(f"{variable}: {message}")
    return "knote: the configuration cannot be used. " + "; ".join(parts)


if __name__ == "__main__":
    sys.exit(main())

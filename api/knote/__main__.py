"""The command line: `python -m knote serve | local | bootstrap | sweep | fsck | openapi`."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from knote.errors import KnoteError
from knote.settings import Settings

logger = logging.getLogger("knote")


def main() -> int:
    """Runs one command. Returns the exit status: 0 done, 1 something is wrong, 2 cannot start."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.run(arguments, Settings()))
    except ValidationError as error:
        _complain(arguments, _settings_sentence(error))
        return 2
    except KnoteError as error:
        _complain(arguments, error.detail)
        return 1
    except KeyboardInterrupt:
        return 130


def _complain(arguments: argparse.Namespace, sentence: str) -> None:
    """Says why a command cannot do its work: to a person, or as a line of the log."""
    from knote.logs import configure_logging

    if arguments.run is _local or sys.stderr.isatty():
        print(f"knote: {sentence}", file=sys.stderr)
    else:
        configure_logging()
        logger.critical(sentence)


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


def _bootstrap(_: argparse.Namespace, settings: Settings) -> int:
    from knote.bootstrap import BootstrapSettings, bootstrap
    from knote.logs import configure_logging

    configure_logging(settings)
    bootstrap(BootstrapSettings())
    return 0


def _sweep(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.logs import configure_logging
    from knote.maintenance import sweep

    configure_logging(settings)
    _print_report(asyncio.run(sweep(settings, dry_run=arguments.dry_run)))
    return 0


def _fsck(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.logs import configure_logging
    from knote.maintenance import fsck

    configure_logging(settings)
    report = asyncio.run(fsck(settings, dry_run=arguments.dry_run))
    _print_report(report)
    return 1 if report["status"] == "broken" else 0


def _openapi(_: argparse.Namespace, settings: Settings) -> int:
    from knote.app import create_app

    print(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
    return 0


def _print_report(report: Mapping[str, Any]) -> None:
    """One line for whoever collects lines, more of them for a person."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(report, indent=indent, ensure_ascii=False, default=str))


def _settings_sentence(error: ValidationError) -> str:
    """What is wrong with the environment, naming variables and no value: one may be a secret."""
    parts = []
    for found in error.errors(include_input=False, include_url=False):
        name = str(found["loc"][0]) if found["loc"] else "settings"
        variable = f"KNOTE_{name.upper()}" if name.islower() and name != "settings" else name
        message = found["msg"].removeprefix("Value error, ")
        parts.append(f"{variable}: {message}")
    return "The configuration cannot be used. " + "; ".join(parts)


if __name__ == "__main__":
    sys.exit(main())

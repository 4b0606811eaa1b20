"""The command line: `python -m knote serve | local | bootstrap | user | sweep | fsck | openapi`."""

import argparse
import asyncio
import gc
import json
import logging
import sys
from collections.abc import Callable, Mapping
from getpass import getpass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from knote.errors import Invalid, KnoteError
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
    _add_user_commands(commands.add_parser("user", help="look after accounts"))
    return parser


def _add_user_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="make an account; its password is asked for, or read from stdin")
    add.add_argument("name")
    add.add_argument("--admin", action="store_true", help="may look after the other accounts")
    add.set_defaults(run=_add_user)
    commands.add_parser("list", help="list all accounts").set_defaults(run=_list_users)
    for act, text in (
        ("disable", "shut an account out, at once; nothing of it is removed"),
        ("enable", "let it in again"),
        ("delete", "shut it out, and remove all of it after KNOTE_ACCOUNT_GRACE_DAYS"),
        ("restore", "bring a deleted account back"),
    ):
        change = commands.add_parser(act, help=text, description=text)
        change.add_argument("name")
        change.set_defaults(run=_change_user, act=act)
    text = "set a new password; it is asked for, or read from stdin, and ends every session"
    password = commands.add_parser("password", help=text, description=text)
    password.add_argument("name")
    password.set_defaults(run=_set_password)
    text = "write all that an account has into a new ZIP file"
    export = commands.add_parser("export", help=text, description=text)
    export.add_argument("name")
    export.add_argument("file", type=Path)
    export.set_defaults(run=_export_user)
    text = "give an account all of the shared notebook: notes, trash, pictures; any number of times"
    adopt = commands.add_parser("adopt", help=text, description=text)
    adopt.add_argument("name")
    adopt.set_defaults(run=_adopt)


def _serve(_: argparse.Namespace, settings: Settings) -> int:
    # What is loaded now stays: to look for garbage in it takes a twentieth of a start. The server goes on.
    gc.disable()
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


def _add_user(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.accounts import add_user
    from knote.logs import configure_logging

    configure_logging(settings)
    password = _password()
    _print_report(asyncio.run(add_user(settings, arguments.name, password, is_admin=arguments.admin)))
    return 0


def _list_users(_: argparse.Namespace, settings: Settings) -> int:
    from knote.accounts import list_users
    from knote.logs import configure_logging

    configure_logging(settings)
    for user in asyncio.run(list_users(settings)):
        _print_report(user)
    return 0


def _change_user(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.accounts import change_user
    from knote.logs import configure_logging

    configure_logging(settings)
    _print_report(asyncio.run(change_user(settings, arguments.name, arguments.act)))
    return 0


def _set_password(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.accounts import set_password
    from knote.logs import configure_logging

    configure_logging(settings)
    _print_report(asyncio.run(set_password(settings, arguments.name, _password())))
    return 0


def _export_user(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.accounts import export_user
    from knote.logs import configure_logging

    configure_logging(settings)
    _print_report(asyncio.run(export_user(settings, arguments.name, arguments.file)))
    return 0


def _adopt(arguments: argparse.Namespace, settings: Settings) -> int:
    from knote.accounts import adopt
    from knote.logs import configure_logging

    configure_logging(settings)
    report = asyncio.run(adopt(settings, arguments.name))
    _print_report(report)
    return 0


def _password() -> str:
    """A new password, typed twice by a person or read as a line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise Invalid("The two passwords differ. Nothing was changed.", location=("password",))
    return password


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

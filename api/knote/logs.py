"""Log lines: one JSON object each, or text for people. They never hold the content of a note.

That holds by construction for what nobody expected, too: of an error, its type and the way it came are
logged, and not its words. Drivers and validators put the values they did not like into those.
"""

import logging
import logging.config
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import Literal, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from knote.middleware import request_id_of_context
from knote.settings import Settings

logger = logging.getLogger(__name__)

ErrorInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

# Their words are about code, or about the machine.
_HARMLESS = (AttributeError, ImportError, NameError, NotImplementedError, OSError)


class RequestIdFilter(logging.Filter):
    """Adds the id of the request that a line belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        if not hasattr(record, "request_id"):
            record.request_id = request_id_of_context.get()
        return True


class ForeignFilter(logging.Filter):
    """Leaves of what libraries say the first line, or the way of a traceback: the rest may hold data."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record, and shortens those that are not our own."""
        if record.name.partition(".")[0] != "knote":
            first, *others = record.getMessage().split("\n")
            if first.startswith("Traceback "):
                places = [line for line in others if line.startswith("  File ")]
                error = next((line for line in reversed(others) if line.strip()), "")
                first = "\n".join([*places, error.partition(":")[0]])
            record.msg, record.args = first, ()
        return True


class JsonLine(JsonFormatter):
    """Lines for programs."""

    def formatException(self, ei: ErrorInfo) -> str:  # noqa: N802
        return outline(ei[1])


class TextLine(logging.Formatter):
    """Lines for people: what was asked and how it ended."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = super().format(record)
        if record.name == "knote.access":
            fields = vars(record)
            line += f" {fields['method']} {fields['path']} {fields['status']} {fields['duration_ms']} ms"
        return line

    def formatException(self, ei: ErrorInfo) -> str:  # noqa: N802
        return outline(ei[1])


def outline(error: BaseException | None) -> str:
    """The types of an error and of its causes, and the way they came: no value that was at hand."""
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        words = f": {error}" if isinstance(error, _HARMLESS) else ""
        parts.append("".join([*traceback.format_tb(error.__traceback__), name, words]))
        if isinstance(error, BaseExceptionGroup):
            parts += [outline(each) for each in error.exceptions]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhile or because of:\n".join(parts)


def configure_logging(settings: Settings | None = None) -> None:
    """Sends all that the process has to say to standard error, in the format of the settings.

    That is log lines, warnings, and what would else end up there as a bare traceback.
    """
    level = settings.log_level.upper() if settings else "INFO"
    format_: Literal["json", "text"] = settings.log_format if settings else "json"
    formatters = {
        "json": {
            "()": JsonLine,
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            "reserved_attrs": [*RESERVED_ATTRS, "color_message"],
        },
        "text": {"()": TextLine, "fmt": "%(asctime)s %(levelname)s %(message)s"},
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request_id": {"()": RequestIdFilter}, "foreign": {"()": ForeignFilter}},
            "formatters": {"line": formatters[format_]},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
                    "filters": ["request_id", "foreign"],
                }
            },
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "knote": {"level": level},
                "uvicorn": {"level": level},
                "uvicorn.access": {"level": "CRITICAL"},
                # What is wrong with a form is the client's matter, and is answered.
                "python_multipart": {"level": "ERROR"},
            },
        }
    )
    # What no line has, and costs a quarter of one to find out: the second is how Python says where from.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
    sys.excepthook = lambda _, error, __: logger.critical("the process ends", exc_info=error)
    sys.unraisablehook = lambda found: logger.error("an error was lost", exc_info=found.exc_value)
    threading.excepthook = lambda found: logger.error("a thread ends", exc_info=found.exc_value)
    warnings.showwarning = _log_warning


def _log_warning(
    message: Warning | str,  # noqa: ARG001 - it may hold a value
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    logger.warning("%s at %s:%d", category.__name__, filename, lineno)

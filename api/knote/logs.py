"""Log lines: one JSON object each, or text for people. They never hold the content of a note."""

import logging
import logging.config

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from knote.middleware import request_id_of_context
from knote.settings import Settings


class RequestIdFilter(logging.Filter):
    """Adds the id of the request that a line belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps every record."""
        if not hasattr(record, "request_id"):
            record.request_id = request_id_of_context.get()
        return True


class AccessTextFormatter(logging.Formatter):
    """Lines for people: what was asked and how it ended."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        line = super().format(record)
        if record.name == "knote.access":
            fields = vars(record)
            line += f" {fields['method']} {fields['path']} {fields['status']} {fields['duration_ms']} ms"
        return line


def configure_logging(settings: Settings) -> None:
    """Sends all log lines of the process to standard error, in the format of the settings."""
    formatters = {
        "json": {
            "()": JsonFormatter,
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
            "reserved_attrs": [*RESERVED_ATTRS, "color_message"],
        },
        "text": {"()": AccessTextFormatter, "fmt": "%(asctime)s %(levelname)s %(message)s"},
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request_id": {"()": RequestIdFilter}},
            "formatters": {"line": formatters[settings.log_format]},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
                    "filters": ["request_id"],
                }
            },
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "knote": {"level": settings.log_level.upper()},
                "uvicorn": {"level": settings.log_level.upper()},
                "uvicorn.access": {"level": "CRITICAL"},
            },
        }
    )

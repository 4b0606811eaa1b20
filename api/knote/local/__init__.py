"""Local mode: the whole system with no setup, real servers included, as child processes."""

from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer
from knote.local.run import run_local
from knote.local.s3server import ObjectServer, S3Server

__all__ = ["LocalModeError", "MongoServer", "ObjectServer", "S3Server", "run_local"]

"""Knote: Markdown notes with pictures, on any number of identical replicas."""

import sys
from importlib.metadata import version

# pymongo looks for PyOpenSSL, which is not here, and would load all of cryptography on its way: 9 MB.
sys.modules["pymongo.pyopenssl_context"] = None  # type: ignore[assignment]
# FastAPI would load it to say that it takes no such models: 1.6 MB and 10 ms of each start.
sys.modules["pydantic.v1"] = None  # type: ignore[assignment]

__version__ = version("knote")

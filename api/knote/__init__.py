"""Knote: Markdown notes with pictures, on any number of identical replicas."""

import sys
from importlib.metadata import version

# pymongo looks for PyOpenSSL, which is not here, and would load all of cryptography on its way: 9 MB.
sys.modules["pymongo.pyopenssl_context"] = None  # type: ignore[assignment]

__version__ = version("knote")

"""Knote: Markdown notes with pictures, on any number of identical replicas."""

from importlib.metadata import version

__version__ = version("knote")

"""Knote beside the fastest thing that the same parts can do: `make bench`."""

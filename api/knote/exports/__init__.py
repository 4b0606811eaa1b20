"""Exports: all that an account has, as one file to keep."""

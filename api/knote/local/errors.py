"""What local mode cannot do, told in words that help a person at a terminal."""


class LocalModeError(Exception):
    """Local mode cannot go on. The text says why and what to do; no traceback is shown."""

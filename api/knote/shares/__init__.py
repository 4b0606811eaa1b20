"""Shares: links under which anybody reads one note, until they are revoked."""

"""Bytes of anybody's making, against what reads them: the picture inspector and the multipart path."""

"""`python -m knote bootstrap` against real servers that nobody has prepared."""

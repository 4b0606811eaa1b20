"""Notes: Markdown texts, their versions and their search."""

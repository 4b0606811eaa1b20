"""API tokens: what a program says instead of signing in."""

"""Bugs to prove the checker with: `python -m chaos.planted NAME serve` is Knote with one thing broken."""

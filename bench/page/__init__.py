"""The page in the real Chromium: `make bench-page`."""

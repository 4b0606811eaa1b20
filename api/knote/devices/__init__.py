"""Devices: the browsers that somebody has signed in with before."""

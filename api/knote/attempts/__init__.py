"""Attempts: how often somebody may try to sign in, counted for all replicas together."""

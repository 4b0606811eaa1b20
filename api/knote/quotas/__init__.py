"""Quotas: how much one user may ask of all replicas together."""

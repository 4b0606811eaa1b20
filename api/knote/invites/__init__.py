"""Invites: links by which somebody makes an account."""

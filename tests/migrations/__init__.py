"""Bringing a database up, again, and at once from several places."""

"""Handlers of outbox events, a file for each slice. Importing this registers all of them."""

from workers.tasks import accounts, notifications, refills, worklist

__all__ = ["accounts", "notifications", "refills", "worklist"]

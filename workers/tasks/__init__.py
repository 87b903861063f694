"""Handlers of outbox events, a file for each slice. Importing this registers all of them."""

from workers.tasks import notifications, refills, worklist

__all__ = ["notifications", "refills", "worklist"]

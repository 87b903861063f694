"""Handlers of outbox events, a file for each slice. Importing this registers all of them."""

from workers.tasks import (
    accounts,
    delegations,
    notifications,
    patients,
    pharmacies,
    refills,
    requisitions,
    results,
    worklist,
)

__all__ = [
    "accounts",
    "delegations",
    "notifications",
    "patients",
    "pharmacies",
    "refills",
    "requisitions",
    "results",
    "worklist",
]

"""Handlers of outbox events, a file for each slice. Importing this registers all of them."""

from workers.tasks import (
    accounts,
    notifications,
    patients,
    pharmacies,
    referrals,
    refills,
    requisitions,
    results,
    worklist,
)

__all__ = [
    "accounts",
    "notifications",
    "patients",
    "pharmacies",
    "referrals",
    "refills",
    "requisitions",
    "results",
    "worklist",
]

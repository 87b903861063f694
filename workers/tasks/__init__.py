"""Handlers of outbox events, a file for each slice. Importing this registers all of them."""

from workers.tasks import (
    accounts,
    appointments,
    attachments,
    deaths,
    delegations,
    departures,
    messages,
    notifications,
    patients,
    pharmacies,
    referrals,
    refills,
    requisitions,
    results,
    visits,
    worklist,
)

__all__ = [
    "accounts",
    "appointments",
    "attachments",
    "deaths",
    "delegations",
    "departures",
    "messages",
    "notifications",
    "patients",
    "pharmacies",
    "referrals",
    "refills",
    "requisitions",
    "results",
    "visits",
    "worklist",
]

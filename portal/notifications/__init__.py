"""Telling people, in the portal and by e-mail, with a ledger of every attempt."""

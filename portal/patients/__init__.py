"""Patients, their care team, and break-glass access."""

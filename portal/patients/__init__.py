"""Patients, their care team, break-glass access, and who acts for them."""

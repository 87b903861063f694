"""Visits: what was found and measured, the patient's problems, and the summary to take home."""

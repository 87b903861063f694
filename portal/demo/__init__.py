"""Data to try Careloop with: a small clinic that reads true to life, and any number of patients."""

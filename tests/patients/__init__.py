"""Patients: their own record, those who care for them, exceptional access."""

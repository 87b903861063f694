"""Clinics and their hours, practitioners, staff, pools, coverage, pharmacies, laboratories."""

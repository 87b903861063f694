"""Any number of patients for load and scale: generated, the same for the same seed, by COPY."""

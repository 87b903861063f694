"""Orders for laboratory tests and imaging, from the practitioner to the place that does them."""

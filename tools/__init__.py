"""What the Makefile runs before there is anything to import: Python's own library alone."""

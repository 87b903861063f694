"""How fast the hot paths are, against floors measured in the same run: `python -m bench`."""

"""The pages as a browser shows them; run by `make browser`."""

"""What tests stand on: real servers, a small clinic, and callers of the API."""

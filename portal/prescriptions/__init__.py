"""What practitioners ordered, and what may be done with it now."""

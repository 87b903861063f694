"""Messages between patients and those who care for them, and the nurses' advice line."""

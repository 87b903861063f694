"""Files that people add to what they send: checked, kept outside the database, scanned."""

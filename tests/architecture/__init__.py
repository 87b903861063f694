"""What holds for the whole: routes, row security, the API document, the source."""

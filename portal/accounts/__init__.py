"""People and systems that sign in: accounts, sessions, second factors, clients."""

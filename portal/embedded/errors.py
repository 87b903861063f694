"""What can go wrong with a local server, in words that name the remedy."""


class EmbeddedServerError(Exception):
    """A local server can't be started or used."""


class AlreadyRunningError(EmbeddedServerError):
    """Another process has this data folder in use."""

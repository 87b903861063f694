"""Real PostgreSQL and Valkey servers as child processes, for the demo and the tests.

Both listen on a unix socket in a private folder and on no network port. Production uses servers
of its own; the packages that carry the binaries are the extra `embedded`.
"""

from portal.embedded.errors import AlreadyRunningError, EmbeddedServerError
from portal.embedded.postgres import EmbeddedPostgres
from portal.embedded.valkey import EmbeddedValkey

__all__ = ["AlreadyRunningError", "EmbeddedPostgres", "EmbeddedServerError", "EmbeddedValkey"]

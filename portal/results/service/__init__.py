"""Use cases of results, a file each."""

from portal.results.service.reconcile import Match, discard, match, reread_report

__all__ = ["Match", "discard", "match", "reread_report"]

"""What can go wrong with notifications."""

from portal.core.errors import NotFound


class NotificationNotFound(NotFound):
    code = "notification_not_found"
    detail = "You have no such notification."


class AddressRefused(Exception):
    """The mail server will never take a message to this address."""

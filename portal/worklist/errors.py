"""What can go wrong here."""

from portal.core.errors import Conflict, Forbidden, Invalid, NotFound


class WorkItemUnknown(NotFound):
    code = "work_item_unknown"
    detail = "There is no such work item on a worklist of yours. It may have moved on."


class OpeningLost(Conflict):
    code = "work_item_contended"
    detail = "The same work item is opened and closed by others at this moment. Try again."


class AlreadyClaimed(Conflict):
    code = "already_claimed"


class AlreadyClosed(Conflict):
    code = "already_closed"


class NotClosedByHand(Conflict):
    code = "not_closed_by_hand"


class NotTheClaimer(Forbidden):
    code = "not_the_claimer"
    detail = "Only who has claimed an item may release it; a lead may reassign it."


class Unassignable(Invalid):
    code = "unassignable"

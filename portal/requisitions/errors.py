"""What can go wrong with an order or a laboratory's report."""

from portal.core.errors import Conflict, Invalid, NotFound


class RequisitionNotFound(NotFound):
    code = "requisition_not_found"
    detail = "There is no such requisition that you may see. Check its id."


class TestNotFound(NotFound):
    code = "test_not_found"
    detail = "The catalogue has no such test. Look for it with GET /catalog/tests?q=."


class OrderUnusable(Invalid):
    """A test, its place or its time can't be ordered as asked; `errors` names each."""

    code = "order_unusable"


class LaboratoryUnusable(Invalid):
    """The chosen place can't do this."""

    code = "laboratory_unusable"


class NotPlaceable(Conflict):
    code = "not_placeable"
    detail = "Only a draft can be placed, and this is none any more."


class NotCancellable(Conflict):
    code = "not_cancellable"
    detail = "The specimen has been taken already. Call the laboratory to stop it."


class NotCollectable(Conflict):
    code = "not_collectable"
    detail = "This does not wait for its specimen to be taken."


class LaboratoryNotChangeable(Conflict):
    code = "laboratory_not_changeable"
    detail = "The specimen has been taken already: it can't be sent to another place."


class ReportImpossible(Conflict):
    """A laboratory reported a step that can't follow where the requisition stands."""

    code = "report_impossible"


class NotBookable(Conflict):
    code = "not_bookable"
    detail = "This does not wait for an appointment."

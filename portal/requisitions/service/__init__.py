"""Use cases of requisitions, a file each."""

from portal.requisitions.service.appointments import Imaging, book_slot, requisition_of
from portal.requisitions.service.cancel import cancel_requisition
from portal.requisitions.service.change_laboratory import change_laboratory
from portal.requisitions.service.confidential import keep_confidential
from portal.requisitions.service.correction import follow_correction
from portal.requisitions.service.deceased import close_for_deceased
from portal.requisitions.service.departing import hand_over_orders, send_elsewhere
from portal.requisitions.service.feed import acknowledge, read_orders
from portal.requisitions.service.follow import follow_move, note_taken_back
from portal.requisitions.service.order import OrderedTest, OrderTests, Standing, order_tests
from portal.requisitions.service.place import place
from portal.requisitions.service.progress import (
    collect,
    get_requisition,
    reopen,
    report_progress,
    report_status,
)
from portal.requisitions.service.repeat import repeat
from portal.requisitions.service.sending import (
    Outgoing,
    record_answer,
    record_failure,
    take_message,
    take_response,
)
from portal.requisitions.service.watch import (
    expire_requisitions,
    find_uncollected,
    find_unresulted,
    make_standing,
    remind_uncollected,
)

__all__ = [
    "Imaging",
    "OrderTests",
    "OrderedTest",
    "Outgoing",
    "Standing",
    "acknowledge",
    "book_slot",
    "cancel_requisition",
    "change_laboratory",
    "close_for_deceased",
    "collect",
    "expire_requisitions",
    "find_uncollected",
    "find_unresulted",
    "follow_correction",
    "follow_move",
    "get_requisition",
    "hand_over_orders",
    "keep_confidential",
    "make_standing",
    "note_taken_back",
    "order_tests",
    "place",
    "read_orders",
    "record_answer",
    "record_failure",
    "remind_uncollected",
    "reopen",
    "repeat",
    "report_progress",
    "report_status",
    "requisition_of",
    "send_elsewhere",
    "take_message",
    "take_response",
]

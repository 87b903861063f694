"""MSH: who sends what to whom (HL7 v2.5.1, 2.15.9)."""

from dataclasses import dataclass
from typing import Any

from portal.hl7v2.errors import ErrorCondition, Fault, Faults, MessageRefused, RefusalCode
from portal.hl7v2.escaping import STANDARD, Delimiters
from portal.hl7v2.segments import Segment

VERSIONS = frozenset(
    {"2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8"}
    | {"2.8.1", "2.8.2"}
)
# Production, training, debugging (HL7 table 0103).
PROCESSING_IDS = frozenset({"P", "T", "D"})
# As v2.7 bounds it; before it was 20.
LONGEST_ID = 199


@dataclass(frozen=True, slots=True)
class Header:
    """The four parties are the fields as they came, to be sent back; the names their first
    components. `sent_at` is a time stamp as text: what to make of it is the reader's."""

    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    sender: str = ""
    sender_facility: str = ""
    receiver: str = ""
    receiver_facility: str = ""
    sent_at: str = ""
    type: str = ""
    event: str = ""
    structure: str = ""
    control_id: str = ""
    processing: str = ""
    processing_id: str = ""
    version: str = ""
    accept_mode: str = ""
    application_mode: str = ""
    charset: str = ""
    delimiters: Delimiters = STANDARD

    @property
    def enhanced(self) -> bool:
        """Whether the sender asks for enhanced acknowledgement (2.9.3)."""
        return bool(self.accept_mode or self.application_mode)


def header_values(msh: Segment, delimiters: Delimiters) -> dict[str, Any]:
    """What a Header is made of."""
    return {
        "sending_application": msh.raw(3),
        "sending_facility": msh.raw(4),
        "receiving_application": msh.raw(5),
        "receiving_facility": msh.raw(6),
        "sender": msh.text(3),
        "sender_facility": msh.text(4),
        "receiver": msh.text(5),
        "receiver_facility": msh.text(6),
        "sent_at": msh.text(7),
        "type": msh.text(9),
        "event": msh.text(9, 2),
        "structure": msh.text(9, 3),
        "control_id": msh.text(10),
        "processing": msh.raw(11),
        "processing_id": msh.text(11),
        "version": msh.text(12),
        "accept_mode": msh.text(15).upper(),
        "application_mode": msh.text(16).upper(),
        "charset": msh.text(18),
        "delimiters": delimiters,
    }


def check_header(header: Header, faults: Faults) -> None:
    """Adds what a message can't do without; raises MessageRefused (AR) for what isn't supported
    where nothing is missing."""
    for value, place in (
        (header.type, "MSH^1^9"),
        (header.control_id, "MSH^1^10"),
        (header.processing_id, "MSH^1^11"),
        (header.version, "MSH^1^12"),
    ):
        if not value:
            faults.add(place, ErrorCondition.REQUIRED_FIELD_MISSING, "Needed in every message.")
    if len(header.control_id) > LONGEST_ID:
        faults.add("MSH^1^10", ErrorCondition.DATA_TYPE, f"At most {LONGEST_ID} characters.")
    faults.check()
    unsupported = []
    if header.processing_id not in PROCESSING_IDS:
        unsupported.append(
            Fault("MSH^1^11", ErrorCondition.UNSUPPORTED_PROCESSING_ID, "Supported: P, T, D.")
        )
    if header.version not in VERSIONS:
        unsupported.append(
            Fault("MSH^1^12", ErrorCondition.UNSUPPORTED_VERSION_ID, "Supported: 2.1 to 2.8.2.")
        )
    if unsupported:
        raise MessageRefused(RefusalCode.REJECT, unsupported)

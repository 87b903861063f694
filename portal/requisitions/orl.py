"""What a laboratory answers to an order: ACK, or ORL^O22 (HL7 v2.5.1, 4.4.7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.hl7v2.errors import ErrorCondition, refused, rejected
from portal.hl7v2.fields import ei
from portal.hl7v2.reading import Message, read
from portal.hl7v2.segments import Segment

_ANSWERS = ("ACK", "ORL")


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """What a laboratory says of one order: `control` is of HL7 table 0119 (OK, UA, CR, OC, …)."""

    control: str
    placer_number: str
    filler_number: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderResponse:
    """An ACK or ORL. `code` is MSA-1, `control_id` the order's message; `texts` say what is wrong.

    `commits` tells an accept acknowledgement (CA, CE, CR), after which another may follow.
    """

    code: str
    control_id: str
    texts: tuple[str, ...] = ()
    orders: tuple[OrderAnswer, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.code in ("AA", "CA")

    @property
    def commits(self) -> bool:
        return self.code.startswith("C")


_CODES = frozenset({"AA", "AE", "AR", "CA", "CE", "CR"})


def read_response(received: bytes | Message) -> OrderResponse:
    """Raises MessageRefused for what is no answer to an order."""
    answer = received if isinstance(received, Message) else read(received, answer=True)
    if answer.type not in _ANSWERS:
        raise rejected(
            "MSH^1^9^1", ErrorCondition.UNSUPPORTED_MESSAGE_TYPE, "Answer with ACK or ORL."
        )
    msa = answer.segment("MSA")
    if msa is None:
        raise refused("MSA^1", ErrorCondition.SEGMENT_SEQUENCE, "An answer has an MSA.")
    code = msa.text(1).upper()
    if code not in _CODES:
        raise refused("MSA^1^1", ErrorCondition.TABLE_VALUE_NOT_FOUND, "No acknowledgement code.")
    errors = [_error_text(one) for one in answer.segments if one.name == "ERR"]
    texts = [text for text in (msa.text(3), *errors) if text]
    return OrderResponse(code, msa.text(2), tuple(texts), _orders(answer.segments))


def _error_text(err: Segment) -> str:
    """ERR-8 and ERR-3 of v2.5, else ERR-1 of before, with its place."""
    said = err.text(8) or err.text(3, 9) or err.text(3, 2) or err.text(3) or err.text(7)
    if said:
        place = "^".join(err.first(2).components()).rstrip("^")
        return f"{place}: {said}" if place else said
    old = err.first(1)
    place = "^".join(old.components()[:3]).rstrip("^")
    said = old.text(4, 2) or old.text(4)
    return f"{place}: {said}".removeprefix(": ").removesuffix(": ")


def _orders(segments: Sequence[Segment]) -> tuple[OrderAnswer, ...]:
    """One for each ORC; numbers that it doesn't have may be in the OBR that follows."""
    pairs: list[list[Segment]] = []
    for one in segments:
        if one.name == "ORC":
            pairs.append([one])
        elif one.name == "OBR" and pairs:
            pairs[-1].append(one)
    return tuple(_answer(pair[0], pair) for pair in pairs)


def _answer(orc: Segment, both: Sequence[Segment]) -> OrderAnswer:
    return OrderAnswer(
        control=orc.text(1).upper(),
        placer_number=next((found for one in both if (found := ei(one.first(2)).value)), ""),
        filler_number=next((found for one in both if (found := ei(one.first(3)).value)), ""),
        reason=orc.text(16, 2) or orc.text(16),
    )

"""What would break the promise about prescriptions."""

from portal.core import loops
from portal.prescriptions.queries import UNCONFIRMED_PAIRS

_ASKED = """
    NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id IN (pair.id, pair.other_id)
                AND w.kind = 'duplicate_therapy' AND w.status IN ('open', 'claimed'))
"""

loops.declare(
    {
        "two prescriptions of one medicine stand, and nobody confirmed that both are meant": (
            f"SELECT pair.id FROM ({UNCONFIRMED_PAIRS}) pair WHERE {_ASKED}"  # noqa: S608 - ours
        ),
    }
)

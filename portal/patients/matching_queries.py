"""Records as messages from outside are held against them; see matching.py.

What was once true of somebody counts as well, so that what a laboratory has on file finds them:
here is the one place where former numbers, names and marks are read.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.core.db import run
from portal.patients.matching import Recorded, recorded

# The patients of these record numbers, as `p`.
BY_NUMBER = "p.mrn = ANY(:mrns)"
# A record (`s`) as recorded() takes it, with what the records say that were merged into it.
RECORDED = """
    (SELECT jsonb_build_object(
        'id', s.id, 'clinic_id', s.clinic_id, 'mrns', jsonb_agg(m.mrn),
        'names', jsonb_agg(jsonb_build_array(m.family_name, m.given_name)),
        'birth_dates', jsonb_agg(m.birth_date), 'sexes', jsonb_agg(m.sex))
     FROM (SELECT s.mrn, s.family_name, s.given_name, s.birth_date, s.sex UNION ALL
           SELECT d.mrn, d.family_name, d.given_name, d.birth_date, d.sex
           FROM patient d WHERE d.merged_into_id = s.id) m)
"""
_LOOK_UP = text(
    f"""
    SELECT {RECORDED} AS record FROM patient s WHERE s.id IN (
        SELECT careloop_surviving(p.id) FROM patient p WHERE p.id = ANY(:ids) OR {BY_NUMBER})
    """
)


def look_up(
    session: Session, ids: Collection[UUID], numbers: Collection[str]
) -> dict[UUID, Recorded]:
    """The records that stand for these patients, and for those who have these record numbers."""
    rows = run(session, _LOOK_UP, {"ids": list(ids), "mrns": list(numbers)})
    return {one.id: one for one in (recorded(row.record) for row in rows)}

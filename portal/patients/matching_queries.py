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

# The patients of these record numbers, as `p`: of those that they have, or had.
BY_NUMBER = """
    p.id IN (SELECT found.id FROM unnest(CAST(:mrns AS text[])) AS said(number)
             CROSS JOIN LATERAL careloop_of_number(said.number) AS found(id))
"""
# A record (`s`) as recorded() takes it, with what it said before it was corrected, and what the
# records say that were merged into it.
RECORDED = """
    (SELECT jsonb_build_object(
        'id', s.id, 'clinic_id', s.clinic_id, 'mrns', jsonb_agg(m.mrn),
        'names', jsonb_agg(jsonb_build_array(m.family_name, m.given_name)),
        'birth_dates', jsonb_agg(m.birth_date), 'sexes', jsonb_agg(m.sex))
     FROM (SELECT s.mrn, s.family_name, s.given_name, s.birth_date, s.sex UNION ALL
           SELECT d.mrn, d.family_name, d.given_name, d.birth_date, d.sex
           FROM patient d WHERE d.merged_into_id = s.id UNION ALL
           SELECT f.mrn, f.family_name, f.given_name, f.birth_date, f.sex
           FROM patient_correction c CROSS JOIN LATERAL jsonb_to_record(c.before) AS f(
               mrn text, family_name text, given_name text, birth_date date, sex text)
           WHERE c.patient_id = s.id) m)
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

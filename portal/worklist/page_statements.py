"""What is next due on somebody's worklist, however much waits behind it."""

from portal.core import rls
from portal.core.rls import ME

# Of each reason for which an item is on the actor's worklist the next due, in the order of an index
# of its own: mine by assignment or claim, for staff and leads all of the team's, for others what
# nobody of the team has. What this names is read under the policies again.
_NEXT = """
    (SELECT i.id, i.due_at FROM work_item i
     WHERE {whose} AND i.status IN ('open', 'claimed')
       AND (of_kind IS NULL OR i.kind = of_kind)
       AND (after_at IS NULL OR (i.due_at, i.id) > (after_at, after_id))
     ORDER BY i.due_at, i.id LIMIT most)
"""
_NEXT_OF_TEAM = """
    SELECT n.id, n.due_at FROM pool_member m CROSS JOIN LATERAL {next} n
    WHERE m.member_id = {me} AND NOT only_mine AND {member}
"""
_WATCHES = "(m.lead OR m.member_kind = 'staff')"
_MINE = (f"i.assignee_id = {ME}", f"i.claimed_by = {ME}")
_TEAMS = (
    ("i.pool_id = m.pool_id", _WATCHES),
    ("i.pool_id = m.pool_id AND i.assignee_id IS NULL", f"NOT {_WATCHES}"),
)

rls.owned_function(
    "careloop_next_due(only_mine boolean, of_kind text, after_at timestamptz, after_id uuid, "
    "most int)",
    "TABLE (id uuid)",
    f"""
    SELECT next_due.id FROM ({
        " UNION ".join(
            [
                *(_NEXT.format(whose=whose) for whose in _MINE),
                *(
                    _NEXT_OF_TEAM.format(next=_NEXT.format(whose=whose), me=ME, member=member)
                    for whose, member in _TEAMS
                ),
            ]
        )
    }) next_due ORDER BY next_due.due_at, next_due.id LIMIT most
    """,
    one_plan=True,
)

"""What is looked up over all of an actor's patients at once."""

from portal.core import rls
from portal.patients.model import MY_PATIENT_IDS, MY_PATIENTS

# Full text under row policies can't use its index, since its operator might tell of rows that
# they hide; and to count a panel by a policy for each thread there is would take seconds. These
# look among the actor's own patients first. Whatever they name is read under the policies again.

# Words that stand in many threads are found among the newest of the panel, one after another until
# the page is full: the index would bring every message of the clinic that has them. For others the
# index is asked. Which it is, the newest tell: so many of so many.
_LOOKED_AT, _COMMON = 200, 5
# The function of the operator @@, for which no index is considered.
_SAYS = """
    ((SELECT true FROM thread s WHERE s.id = n.id AND ts_match_vq(s.search, (SELECT q FROM wanted)))
     OR (SELECT true FROM message m
         WHERE m.thread_id = n.id AND ts_match_vq(m.search, (SELECT q FROM wanted)) LIMIT 1))
"""
rls.owned_function(
    "careloop_threads_saying(words text, of_patient uuid, before_at timestamptz, before_id uuid, "
    "most int)",
    "TABLE (id uuid)",
    f"""
    WITH wanted AS MATERIALIZED (SELECT websearch_to_tsquery('english', words) AS q),
    mine AS MATERIALIZED (
        SELECT CASE WHEN of_patient IS NULL THEN ARRAY(SELECT m.id FROM {MY_PATIENTS} m)
                    ELSE ARRAY[of_patient] END AS ids
    ), newest AS MATERIALIZED (
        SELECT t.id, t.last_message_at FROM thread t
        WHERE t.patient_id = ANY((SELECT ids FROM mine)::uuid[])
          AND (before_at IS NULL OR (t.last_message_at, t.id) < (before_at, before_id))
        ORDER BY t.last_message_at DESC, t.id DESC
    ), sample AS MATERIALIZED (
        SELECT count(*) >= {_COMMON} AS common
        FROM (SELECT newest.id FROM newest LIMIT {_LOOKED_AT}) n WHERE {_SAYS}
    ), found AS MATERIALIZED (
        SELECT t.id, t.patient_id FROM thread t, wanted WHERE t.search @@ wanted.q
        UNION ALL
        SELECT m.thread_id, m.patient_id FROM message m, wanted WHERE m.search @@ wanted.q
    )
    (SELECT n.id FROM newest n WHERE (SELECT common FROM sample) AND {_SAYS} LIMIT most)
    UNION ALL
    (SELECT t.id FROM thread t
     WHERE NOT (SELECT common FROM sample)
       AND t.id IN (SELECT found.id FROM found
                    WHERE found.patient_id = ANY((SELECT ids FROM mine)::uuid[]))
       AND (before_at IS NULL OR (t.last_message_at, t.id) < (before_at, before_id))
     ORDER BY t.last_message_at DESC, t.id DESC LIMIT most)
    """,
)
# Of the actor's panel, by the index of what waits: however many other threads there are.
_WAITING = f"""
    thread t JOIN patient p ON p.id = t.patient_id AND p.merged_into_id IS NULL
    WHERE t.patient_id = ANY((SELECT {MY_PATIENT_IDS})::uuid[])
      AND (t.status = 'awaiting_care_team' OR t.unread_by_team > 0)
"""
rls.owned_function(
    "careloop_waiting_threads(of_statuses text[], of_category text, only_unread boolean, "
    "before_at timestamptz, before_id uuid, most int)",
    "TABLE (id uuid)",
    f"""
    SELECT t.id FROM {_WAITING}
      AND (of_statuses IS NULL OR t.status = ANY(of_statuses))
      AND (of_category IS NULL OR t.category = of_category)
      AND (NOT only_unread OR t.unread_by_team > 0)
      AND (before_at IS NULL OR (t.last_message_at, t.id) < (before_at, before_id))
    ORDER BY t.last_message_at DESC, t.id DESC LIMIT most
    """,
)
rls.owned_function(
    "careloop_count_threads()",
    "TABLE (awaiting_care_team bigint, urgent bigint, late bigint, unread_threads bigint, "
    "unread_messages bigint)",
    f"""
    SELECT count(*) FILTER (WHERE t.status = 'awaiting_care_team'),
           count(*) FILTER (WHERE t.urgent AND t.status = 'awaiting_care_team'),
           count(*) FILTER (WHERE t.reply_due_at < now()),
           count(*) FILTER (WHERE t.unread_by_team > 0),
           coalesce(sum(t.unread_by_team), 0)
    FROM {_WAITING}
    """,
)

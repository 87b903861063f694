"""What is looked up over all of an actor's patients at once."""

from portal.core import rls
from portal.patients.model import MY_PATIENT_IDS

# Full text under row policies can't use its index, since its operator might tell of rows that
# they hide; and to count a panel by a policy for each thread there is would take seconds. These
# look among the actor's own patients first. Whatever they name is read under the policies again.

# The newest of the panel tell how common the words are. Where they don't fill the page already,
# common words are looked for in the next older ones, one after another until they do: the index
# would bring every message of the clinic that has them. For rare ones the index is asked.
_LOOKED_AT, _COMMON = 200, 5
_PANELS = """
    SELECT t.id, t.last_message_at FROM thread t
    WHERE t.patient_id = ANY((SELECT ids FROM mine)::uuid[])
      AND (before_at IS NULL OR (t.last_message_at, t.id) < (before_at, before_id))
    ORDER BY t.last_message_at DESC, t.id DESC
"""
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
        SELECT CASE WHEN of_patient IS NULL THEN {MY_PATIENT_IDS} ELSE ARRAY[of_patient] END AS ids
    ), newest AS MATERIALIZED ({_PANELS} LIMIT {_LOOKED_AT}),
    named AS MATERIALIZED (SELECT n.id FROM newest n WHERE {_SAYS}),
    way AS MATERIALIZED (
        SELECT CASE WHEN found >= most OR looked_at < {_LOOKED_AT} THEN 'newest'
                    WHEN found >= {_COMMON} THEN 'older' ELSE 'index' END AS chosen
        FROM (SELECT count(*) AS found FROM named) f, (SELECT count(*) AS looked_at FROM newest) l
    ), indexed AS MATERIALIZED (
        SELECT t.id, t.patient_id FROM thread t, wanted WHERE t.search @@ wanted.q
        UNION ALL
        SELECT m.thread_id, m.patient_id FROM message m, wanted WHERE m.search @@ wanted.q
    )
    (SELECT named.id FROM named WHERE (SELECT chosen FROM way) = 'newest' LIMIT most)
    UNION ALL
    (SELECT n.id FROM ({_PANELS} OFFSET 0) n
     WHERE (SELECT chosen FROM way) = 'older' AND {_SAYS} LIMIT most)
    UNION ALL
    (SELECT t.id FROM thread t
     WHERE (SELECT chosen FROM way) = 'index'
       AND t.id IN (SELECT i.id FROM indexed i
                    WHERE (i.patient_id IN (SELECT unnest(ids) FROM mine)) IS TRUE)
       AND (before_at IS NULL OR (t.last_message_at, t.id) < (before_at, before_id))
     ORDER BY t.last_message_at DESC, t.id DESC LIMIT most)
    """,
    one_plan=True,
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
    one_plan=True,
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

"""What is looked up over all of an actor's patients at once."""

from portal.core import rls
from portal.patients.model import MY_PATIENTS

# Full text under row policies can't use its index, since its operator might tell of rows that
# they hide; and to count a panel by a policy for each thread there is would take seconds. These
# look among the actor's own patients first. Whatever they name is read under the policies again.
rls.owned_function(
    "careloop_threads_saying(words text, of_patient uuid, before_at timestamptz, before_id uuid, "
    "most int)",
    "TABLE (id uuid)",
    f"""
    WITH wanted AS (SELECT websearch_to_tsquery('english', words) AS q),
    mine AS MATERIALIZED (
        SELECT m.id FROM {MY_PATIENTS} m WHERE of_patient IS NULL
        UNION SELECT of_patient
    ), found AS (
        SELECT t.id FROM thread t, wanted
        WHERE t.search @@ wanted.q AND t.patient_id IN (SELECT mine.id FROM mine)
        UNION
        SELECT m.thread_id FROM message m, wanted
        WHERE m.search @@ wanted.q AND m.patient_id IN (SELECT mine.id FROM mine)
    )
    SELECT t.id FROM thread t JOIN found USING (id)
    WHERE before_at IS NULL OR (t.last_message_at, t.id) < (before_at, before_id)
    ORDER BY t.last_message_at DESC, t.id DESC LIMIT most
    """,
)
rls.owned_function(
    "careloop_waiting_threads(of_statuses text[], of_category text, only_unread boolean, "
    "before_at timestamptz, before_id uuid, most int)",
    "TABLE (id uuid)",
    f"""
    SELECT t.id FROM {MY_PATIENTS} mine JOIN thread t ON t.patient_id = mine.id
    WHERE (t.status = 'awaiting_care_team' OR t.unread_by_team > 0)
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
    FROM {MY_PATIENTS} mine JOIN thread t ON t.patient_id = mine.id
    WHERE t.status = 'awaiting_care_team' OR t.unread_by_team > 0
    """,
)

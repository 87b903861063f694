"""How the loops stand: what the metrics ask of the database at each scrape."""

from portal.requisitions.model import ENDED

# name, help, labels, statement giving the labels and then the value
GAUGES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "careloop_outbox_events",
        "Events that are not done",
        ("status",),
        "SELECT status, count(*) FROM outbox_event WHERE status <> 'done' GROUP BY status",
    ),
    (
        "careloop_outbox_lag_seconds",
        "How long the oldest event that is due has waited",
        (),
        "SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM outbox_event "
        "WHERE status IN ('pending', 'published') AND due_at <= now()",
    ),
    (
        "careloop_open_work_items",
        "Open work items",
        ("kind",),
        "SELECT kind, count(*) FROM work_item WHERE status IN ('open', 'claimed') GROUP BY kind",
    ),
    (
        "careloop_oldest_open_work_item_seconds",
        "Age of the oldest open work item",
        ("kind",),
        "SELECT kind, extract(epoch FROM now() - min(created_at)) FROM work_item "
        "WHERE status IN ('open', 'claimed') GROUP BY kind",
    ),
    (
        "careloop_oldest_open_refill_seconds",
        "Age of the oldest refill that has not come to its end",
        ("status",),
        "SELECT status, extract(epoch FROM now() - min(requested_at)) FROM refill "
        "WHERE closed_at IS NULL GROUP BY status",
    ),
    (
        "careloop_feed_last_heard_seconds",
        "How long ago a pharmacy was heard",
        ("pharmacy_id",),
        "SELECT pharmacy_id::text, extract(epoch FROM now() - greatest(last_pull_at, "
        "last_update_at)) FROM pharmacy_feed",
    ),
    (
        "careloop_feed_unacknowledged_orders",
        "Orders that a pharmacy has not acknowledged",
        ("pharmacy_id",),
        "SELECT pharmacy_id::text, count(*) FROM pharmacy_order WHERE acknowledged_at IS NULL "
        "GROUP BY pharmacy_id",
    ),
    (
        "careloop_laboratory_queue_seconds",
        "How long the oldest message to a laboratory has waited to be sent",
        ("laboratory_id",),
        "SELECT laboratory_id::text, extract(epoch FROM now() - min(created_at)) "
        "FROM laboratory_message WHERE status = 'queued' AND transport = 'mllp' "
        "GROUP BY laboratory_id",
    ),
    (
        "careloop_laboratory_failures",
        "Tries in a row that a laboratory has not answered",
        ("laboratory_id",),
        "SELECT laboratory_id::text, failures FROM laboratory_connection",
    ),
    (
        "careloop_laboratory_last_heard_seconds",
        "How long ago a message of a laboratory came",
        ("laboratory_id",),
        "SELECT l.id::text, extract(epoch FROM now() - m.received_at) FROM laboratory l "
        "CROSS JOIN LATERAL (SELECT received_at FROM received_message "
        "WHERE laboratory_id = l.id ORDER BY received_at DESC LIMIT 1) m WHERE l.active",
    ),
    (
        "careloop_withheld_attachments",
        "Attachments that wait to be scanned, or could not be",
        ("status",),
        "SELECT status, count(*) FROM attachment WHERE status IN ('quarantined', 'unscannable') "
        "GROUP BY status",
    ),
    (
        "careloop_oldest_quarantined_attachment_seconds",
        "How long the oldest attachment has waited to be scanned",
        (),
        "SELECT coalesce(extract(epoch FROM now() - min(status_at)), 0) FROM attachment "
        "WHERE status = 'quarantined'",
    ),
    (
        "careloop_oldest_open_requisition_seconds",
        "Age of the oldest requisition that has not come to its end",
        ("status",),
        "SELECT status, extract(epoch FROM now() - min(ordered_at)) FROM requisition "
        f"WHERE status NOT IN {ENDED} GROUP BY status",
    ),
    (
        "careloop_open_reconciliation_cases",
        "Reports that wait for somebody to say whose they are",
        ("reason",),
        "SELECT reason, count(*) FROM reconciliation_case WHERE status = 'open' GROUP BY reason",
    ),
    (
        "careloop_oldest_unreviewed_result_seconds",
        "Age of the oldest result that nobody has reviewed",
        ("abnormality",),
        "SELECT abnormality, extract(epoch FROM now() - min(received_at)) "
        "FROM diagnostic_report WHERE reviewed_at IS NULL GROUP BY abnormality",
    ),
)

"""What would break the promise about results: each gap between a value and its patient has an
owner and a clock."""

from portal.core import loops

loops.declare(
    {
        "a final result was not reviewed and nobody has it on a worklist": """
            SELECT r.id FROM diagnostic_report r
            WHERE r.status IN ('final', 'corrected', 'amended') AND r.received_at < :settled
              AND (r.reviewed_at IS NULL OR r.reviewed_version < r.version_number)
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.kind = 'result_review' AND w.status IN ('open', 'claimed'))
        """,
        # Three business days, and what a clinic's closures may add to them.
        "a result was reviewed, the patient was not told and nobody sees to it": """
            SELECT r.id FROM diagnostic_report r
            WHERE r.communicated_at IS NULL AND r.reviewed_at < :settled - interval '14 days'
              AND NOT careloop_deceased(r.patient_id)
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.kind = 'result_communication'
                              AND w.status IN ('open', 'claimed'))
        """,
        "a released result was not seen for long and nobody was asked to see to it": """
            SELECT r.id FROM diagnostic_report r JOIN patient pa ON pa.id = r.patient_id
            LEFT JOIN contact_preference c ON c.person_id = r.patient_id
            WHERE r.release_status = 'released' AND r.seen_at IS NULL
              AND NOT careloop_deceased(r.patient_id)
              AND r.status IN ('partial', 'preliminary', 'final', 'corrected', 'amended')
              AND r.released_at < :settled - interval '7 days 1 hour'
              AND (coalesce(c.results_by, 'portal') = 'portal'
                   OR coalesce(pa.phone, '') = '' AND (c.results_by = 'phone'
                   OR '' IN (coalesce(pa.line, ''), coalesce(pa.city, ''), coalesce(pa.state, ''),
                             coalesce(pa.postal_code, ''))))
              AND NOT EXISTS (SELECT FROM work_item w WHERE w.subject_id = r.id
                              AND w.kind = 'result_unseen')
        """,
        "an abnormal result was reviewed and nothing decided about its follow-up": """
            SELECT r.id FROM diagnostic_report r JOIN result_review v
                ON v.report_id = r.id AND v.version_number = r.reviewed_version
            WHERE r.abnormality IN ('abnormal', 'critical') AND v.at = r.reviewed_at
              AND v.follow_up = 'none' AND v.follow_up_reason IS NULL
        """,
        "a follow-up was asked for and has neither an order nor a work item": """
            SELECT f.id FROM follow_up f WHERE f.requisition_id IS NULL AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = f.id AND w.kind = 'result_follow_up')
        """,
        "a critical value waits and nobody has it on a worklist": """
            SELECT a.report_id AS id FROM critical_alert a
            WHERE a.acknowledged_at IS NULL AND a.patient_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = a.report_id
                AND w.kind = 'result_critical' AND w.status IN ('open', 'claimed'))
        """,
        # Of any version: what came next may have replaced it before anybody looked.
        "a critical value came and nobody was asked to acknowledge it": """
            SELECT DISTINCT o.report_id AS id
            FROM observation o JOIN report_version v ON v.id = o.version_id
            WHERE o.abnormality = 'critical' AND v.received_at < :settled
              AND o.status NOT IN ('cancelled', 'entered_in_error')
              AND v.status NOT IN ('cancelled', 'entered_in_error')
              AND NOT EXISTS (
                  SELECT FROM critical_alert a, jsonb_array_elements(a.criticals) c
                  WHERE a.report_id = o.report_id AND c->>'code' = o.code
                    AND (c->>'value' = o.value_text OR a.version_number >= v.number))
        """,
        "what a laboratory says waits for a decision and nobody has it on a worklist": """
            SELECT c.id FROM reconciliation_case c
            WHERE c.status = 'open' AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = c.id
                AND w.kind = 'reconciliation' AND w.status IN ('open', 'claimed'))
        """,
        "a result was on another patient's chart and nobody was asked to assess it": """
            SELECT p.id FROM privacy_incident p WHERE NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = p.case_id
                AND w.kind = 'privacy_incident')
        """,
        "a result is kept from its patient past its time": """
            SELECT id FROM diagnostic_report WHERE release_due_at < :settled
        """,
        "a result has values and nothing was decided about its release": """
            SELECT id FROM diagnostic_report
            WHERE release_status = 'pending' AND received_at < :settled
              AND status IN ('partial', 'preliminary', 'final', 'corrected', 'amended')
        """,
        "a result is final and its requisition waits for it still": """
            SELECT r.id FROM diagnostic_report r JOIN requisition q ON q.id = r.requisition_id
            WHERE r.status IN ('final', 'corrected', 'amended') AND r.received_at < :settled
              AND q.closed_at IS NULL
        """,
    }
)

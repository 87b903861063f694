"""Rows about a patient in the tables of orders, results, letters and calls."""

from typing import Any
from uuid import UUID

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import Base
from portal.core.ids import new_id
from portal.notifications.model import Delivery, Notification
from portal.notifications.outreach_model import CallAttempt, PhoneCall
from portal.patients.confidentiality_model import ConfidentialityEntry
from portal.patients.death_model import DeathStep, PatientDeath
from portal.patients.delegation_model import Delegation, DelegationHistory
from portal.requisitions.model import Requisition, RequisitionHistory
from portal.results.model import (
    DiagnosticReport,
    Observation,
    ReleaseEntry,
    ReportAttachment,
    ReportVersion,
)
from portal.results.review_model import FollowUp, ResultReview, ResultView
from tests.support.clinic import TODAY, SmallClinic


def requisition(clinic: SmallClinic, patient_id: UUID) -> Requisition:
    now = utcnow()
    return Requisition(
        id=new_id(),
        placer_number=new_id().hex,
        group_number="G1",
        patient_id=patient_id,
        orderer_id=clinic.physician.id,
        laboratory_id=clinic.laboratory.id,
        kind="laboratory",
        test_code="58410-2",
        test_name="CBC panel",
        status="sent",
        priority="routine",
        diagnoses=[],
        fasting=False,
        ordered_at=now,
        status_at=now,
        collect_by=now,
        expected_by=now,
    )


def result(clinic: SmallClinic, patient_id: UUID, requisition_id: UUID) -> list[Base]:
    """A report with one version, one observation and all that hangs on it."""
    now = utcnow()
    of_report: dict[str, Any] = {"report_id": new_id(), "patient_id": patient_id}
    version_id, review_id = new_id(), new_id()
    coded = {"code": "718-7", "code_system": "http://loinc.org", "name": "Hemoglobin"}
    standing = {"status": "final", "abnormality": "normal", "received_at": now}
    return [
        DiagnosticReport(
            id=of_report["report_id"],
            patient_id=patient_id,
            requisition_id=requisition_id,
            laboratory_id=clinic.laboratory.id,
            performer_name="Acme Laboratory",
            responsible_id=clinic.physician.id,
            placer_number="P1",
            filler_number=new_id().hex,
            category="LAB",
            version_number=1,
            current_version_id=version_id,
            reported_at=now,
            release_status="released",
            released_at=now,
            **coded,
            **standing,
        ),
        ReportVersion(
            id=version_id, number=1, issued_at=now, digest=b"x", changes=[], **of_report, **standing
        ),
        Observation(
            version_id=version_id,
            position=1,
            sub_id="",
            kind="text",
            comparator="",
            value_text="normal",
            unit="",
            reference_text="",
            flags=[],
            status="final",
            abnormality="normal",
            **coded,
            **of_report,
        ),
        ReportAttachment(
            id=new_id(),
            version_id=version_id,
            position=1,
            content_type="application/pdf",
            title="Report",
            size=1,
            digest=b"x",
            content=b"x",
            **of_report,
        ),
        ReleaseEntry(
            id=new_id(),
            version_number=1,
            action="released",
            rule="at_once",
            at=now,
            actor_kind="worker",
            actor_id=UUID(int=0),
            **of_report,
        ),
        ResultReview(
            id=review_id,
            version_number=1,
            reviewer_id=clinic.physician.id,
            at=now,
            follow_up="repeat_test",
            **of_report,
        ),
        FollowUp(
            id=new_id(),
            review_id=review_id,
            kind="repeat_test",
            requisition_id=requisition_id,
            due_on=TODAY,
            created_at=now,
            **of_report,
        ),
        ResultView(
            version_number=1,
            viewer_id=patient_id,
            viewer_kind="patient",
            seen_at=now,
            **of_report,
        ),
    ]


def delegation(patient_id: UUID, **changes: Any) -> Delegation:
    """Somebody may act for a patient."""
    values: dict[str, Any] = {
        "id": new_id(),
        "patient_id": patient_id,
        "delegate_id": new_id(),
        "delegate_kind": "delegate",
        "delegate_name": "Robin Other",
        "email": f"{new_id().hex}@example.org",
        "kind": "granted",
        "relationship": "friend",
        "status": "accepted",
        "categories": ["visits"],
        "starts_on": TODAY,
        "offered_at": utcnow(),
        "offered_by": patient_id,
        "version": 1,
        **changes,
    }
    return Delegation(**values)


def revoked_death(clinic: SmallClinic, patient_id: UUID) -> list[Base]:
    """The patient was said to have died, which had closed something, and had not."""
    now, recorded_by = utcnow(), clinic.nurse.id
    death = PatientDeath(
        id=new_id(),
        patient_id=patient_id,
        died_on=TODAY,
        source="other",
        reason="A call.",
        recorded_at=now,
        recorder_kind="staff",
        recorded_by=recorded_by,
        standing=None,
        revoked_at=now,
        revoked_by=recorded_by,
        revoke_reason="Another patient.",
    )
    step = DeathStep(
        id=new_id(),
        death_id=death.id,
        patient_id=patient_id,
        resource="visit",
        subject_id=new_id(),
        status_before="planned",
        settled="closed",
        at=now,
    )
    return [death, step]


def record(clinic: SmallClinic, patient_id: UUID) -> list[Base]:
    """An order with its result, a call that was tried, a notification, who acts for them, and a
    death that was recorded by mistake."""
    now = utcnow()
    order = requisition(clinic, patient_id)
    about = {"event": "result_available", "source_id": new_id(), "subject_id": new_id()}
    call = PhoneCall(
        id=new_id(), patient_id=patient_id, status="open", script=[], created_at=now, **about
    )
    told = Notification(
        id=new_id(),
        recipient_kind="patient",
        recipient_id=patient_id,
        patient_id=patient_id,
        data={},
        created_at=now,
        **about,
    )
    person = delegation(patient_id)
    return [
        *revoked_death(clinic, patient_id),
        person,
        DelegationHistory.of(person, None, actor=OPERATOR, now=now),
        ConfidentialityEntry(
            id=new_id(),
            patient_id=patient_id,
            resource="requisition",
            resource_id=order.id,
            confidential=True,
            reason="asked for in confidence",
            at=now,
            actor_id=clinic.physician.id,
        ),
        order,
        RequisitionHistory(
            id=new_id(),
            requisition_id=order.id,
            patient_id=patient_id,
            laboratory_id=order.laboratory_id,
            to_status="sent",
            at=now,
            actor_kind="practitioner",
            actor_id=clinic.physician.id,
        ),
        *result(clinic, patient_id, order.id),
        call,
        CallAttempt(
            id=new_id(),
            call_id=call.id,
            patient_id=patient_id,
            number=1,
            at=now,
            caller_kind="staff",
            caller_id=clinic.nurse.id,
            outcome="no_answer",
        ),
        told,
        Delivery(
            id=new_id(),
            notification_id=told.id,
            recipient_id=patient_id,
            channel="email",
            status="suppressed",
            created_at=now,
        ),
    ]

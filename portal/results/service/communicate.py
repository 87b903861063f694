"""Telling people of results: the patient by the way they chose, and all who saw what a correction
has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from portal.core.actor import PATIENT_SIDE, WORKER, Actor, ActorKind
from portal.directory import service as directory
from portal.notifications import service as notifications
from portal.notifications.outreach_states import CallStatus, ContactChannel, LetterStatus
from portal.notifications.service import LetterText
from portal.notifications.states import NotificationEvent
from portal.patients import deaths
from portal.patients import service as patients
from portal.patients.model import Patient
from portal.results import follow_queries, queries, rules, texts
from portal.results.errors import AlreadyCommunicated
from portal.results.model import DiagnosticReport, ReportVersion
from portal.results.service import items
from portal.results.states import Abnormality, ReleaseStatus, ReportStatus
from portal.worklist import rules as due_times
from portal.worklist.states import Priority, WorkItemKind


@dataclass(frozen=True, slots=True)
class Communicated:
    """By which way somebody of the care team told the patient, and what there is to note."""

    how: str
    note: str | None = None


def tell(*, session: Session, report: DiagnosticReport, now: datetime) -> None:
    """Tell the patient, and whoever saw an earlier version, of the current one; each once."""
    _tell_of(session, report, session.get_one(ReportVersion, report.current_version_id), now)


def tell_of_earlier(
    *, session: Session, report: DiagnosticReport, version_id: UUID, now: datetime
) -> None:
    """A version that was replaced before the workers came to it: whoever saw what it took back or
    corrected is told of it all the same."""
    version = session.get(ReportVersion, version_id)
    if version is not None and version.id != report.current_version_id and _corrects(version):
        _tell_of(session, report, version, now)


def _corrects(version: ReportVersion) -> bool:
    return rules.is_correction(ReportStatus(version.status)) or _withdraws(version)


def _withdraws(version: ReportVersion) -> bool:
    return any(change.get("withdrawn") for change in version.changes)


def _tell_of(
    session: Session, report: DiagnosticReport, version: ReportVersion, now: datetime
) -> None:
    viewers = follow_queries.viewers_before(session, report.id, version.number)
    if _corrects(version):
        seen_by = {(ActorKind(row.viewer_kind), row.viewer_id) for row in viewers}
        _tell_care_team(session, report, version, seen_by, now)
    released = follow_queries.released_as(session, report.id)
    if report.release_status != ReleaseStatus.RELEASED or released is None:
        return
    patient = patients.surviving(session, report.patient_id)
    by_portal = _channel(session, patient) == ContactChannel.PORTAL
    looked = any(row.viewer_kind in PATIENT_SIDE for row in viewers)
    facts = rules.TellingFacts(
        released=True,
        status=ReportStatus(version.status),
        number=version.number,
        changed=bool(version.changes),
        withdrew=_withdraws(version),
        released_number=released.number,
        released_status=ReportStatus(released.status),
        saw_earlier=looked or not by_portal,
    )
    for event in rules.events_for_patient(facts):
        first = event == NotificationEvent.RESULT_AVAILABLE
        tell_patient(session, report, event, report.id if first else version.id, now)


def _tell_care_team(
    session: Session,
    report: DiagnosticReport,
    version: ReportVersion,
    seen_by: set[tuple[ActorKind, UUID]],
    now: datetime,
) -> None:
    alerted = follow_queries.alerted_before(session, report.id, version.number)
    people = seen_by | {(ActorKind.PRACTITIONER, id_) for id_ in alerted}
    for kind in (ActorKind.PRACTITIONER, ActorKind.STAFF):
        ids = sorted(id_ for of_kind, id_ in people if of_kind == kind)
        _notify(session, report, kind, ids, NotificationEvent.RESULT_CORRECTED, version.id, now)


def tell_taken_back(
    *,
    session: Session,
    report: DiagnosticReport,
    version: ReportVersion,
    seen: Sequence[Any],
    holders: Sequence[Any],
    now: datetime,
) -> None:
    """Tell whoever saw what was taken back, or had it to do, that it doesn't count: `seen` and
    `holders` have their kinds and ids. Nothing says what it was or whose."""
    people = {(ActorKind(row.kind), row.id) for row in (*seen, *holders)}
    for kind in (ActorKind.PRACTITIONER, ActorKind.STAFF):
        ids = sorted(id_ for of_kind, id_ in people if of_kind == kind)
        _notify(session, report, kind, ids, NotificationEvent.RESULT_CORRECTED, version.id, now)
    if report.release_status != ReleaseStatus.RELEASED:
        return
    patient = patients.surviving(session, report.patient_id)
    looked = any(kind in PATIENT_SIDE for kind, _id in people)
    if looked or _channel(session, patient) != ContactChannel.PORTAL:
        tell_patient(session, report, NotificationEvent.RESULT_CORRECTED, version.id, now)


def tell_of_comment(
    *, session: Session, report: DiagnosticReport, review_id: UUID, at: datetime, now: datetime
) -> None:
    """A review with a comment was made at `at`: the patient is told, unless the result itself was
    released with it or is not released."""
    if report.released_at is not None and report.released_at < at:
        tell_patient(session, report, NotificationEvent.RESULT_COMMENTED, review_id, now)


def tell_patient(
    session: Session,
    report: DiagnosticReport,
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
) -> None:
    """Tell the patient by the way they chose, once for each event and source.

    By the portal they have been told now; by letter or telephone once it is printed or they were
    reached. Nobody is told of a result of somebody who has died.
    """
    patient = patients.surviving(session, report.patient_id)
    if deaths.is_deceased(session, patient.id):
        return
    if follow_queries.was_told(session, patient.id, event, source_id):
        return
    channel = _channel(session, patient)
    if channel == ContactChannel.PORTAL:
        _notify(session, report, ActorKind.PATIENT, [patient.id], event, source_id, now)
        _note_told(session, report, now, "told by the portal", now)
        return
    report.communicated_at = None
    notifications.tell_delegates(
        session=session,
        event=event,
        source_id=source_id,
        subject_id=report.id,
        patient_id=patient.id,
        data={},
        now=now,
    )
    if channel == ContactChannel.LETTER:
        _write(session, report, event, source_id, now)
    else:
        _have_called(session, report, event, source_id, now)


def _channel(session: Session, patient: Patient) -> ContactChannel:
    return rules.channel_of(
        notifications.contact_of(session, patient.id).results_by,
        has_address=all((patient.line, patient.city, patient.state, patient.postal_code)),
        has_phone=bool(patient.phone),
    )


def _notify(
    session: Session,
    report: DiagnosticReport,
    kind: ActorKind,
    ids: Sequence[UUID],
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
) -> None:
    notifications.notify(
        session=session,
        recipient_kind=kind,
        recipient_ids=ids,
        event=event,
        source_id=source_id,
        subject_id=report.id,
        patient_id=report.patient_id,
        data={},
        now=now,
    )


def _paragraphs(session: Session, report: DiagnosticReport, event: NotificationEvent) -> list[str]:
    version = session.get_one(ReportVersion, report.current_version_id)
    return texts.paragraphs_of(
        event,
        report,
        changes=version.changes,
        comments=queries.reviews(session, report.id),
        practitioner=directory.get_practitioner(session, report.responsible_id).name,
    )


def _write(
    session: Session,
    report: DiagnosticReport,
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
) -> None:
    observations = queries.observations(session, report.current_version_id)
    notifications.queue_letter(
        session=session,
        patient_id=report.patient_id,
        event=event,
        source_id=source_id,
        subject_id=report.id,
        text=LetterText(
            title=texts.title_of(report),
            paragraphs=_paragraphs(session, report, event),
            rows=texts.table_of(observations),
            columns=texts.COLUMNS,
        ),
        now=now,
    )


def _have_called(
    session: Session,
    report: DiagnosticReport,
    event: NotificationEvent,
    source_id: UUID,
    now: datetime,
) -> None:
    """The team calls; the practitioner does not have to."""
    practitioner = directory.get_practitioner(session, report.responsible_id)
    calendar = directory.calendar_of(session, practitioner.clinic_id)
    notable = report.abnormality in rules.NOTABLE
    priority = Priority.URGENT if notable else Priority.ROUTINE
    observations = queries.observations(session, report.current_version_id)
    notifications.open_call(
        session=session,
        patient_id=report.patient_id,
        responsible_id=None,
        pool_id=practitioner.pool_id,
        event=event,
        source_id=source_id,
        subject_id=report.id,
        script=texts.script_of(event, _paragraphs(session, report, event), observations),
        priority=priority,
        due_at=due_times.due_at(calendar, priority, now),
        now=now,
    )


def follow_letter(*, session: Session, letter_id: UUID, now: datetime) -> None:
    """A letter moved: printed, the patient is told; returned or cancelled, somebody must find
    another way. Letters about anything else are left alone."""
    letter = follow_queries.letter(session, letter_id)
    if letter is None or letter.status == LetterStatus.QUEUED:
        return
    report = items.lock(session, letter.report_id)
    if letter.status == LetterStatus.PRINTED:
        _note_told(session, report, letter.printed_at, "told by letter", now)
    else:
        _find_another_way(session, report, letter.ended_at, now)


def follow_call(*, session: Session, call_id: UUID, now: datetime) -> None:
    """A call ended: reached, the patient is told; given up or cancelled, somebody must find
    another way. Calls about anything else are left alone."""
    call = follow_queries.call(session, call_id)
    if call is None or call.status == CallStatus.OPEN:
        return
    report = items.lock(session, call.report_id)
    if call.status == CallStatus.REACHED:
        _note_told(session, report, call.ended_at, "told by telephone", now)
    else:
        _find_another_way(session, report, call.ended_at, now)


def _note_told(
    session: Session, report: DiagnosticReport, at: datetime, outcome: str, now: datetime
) -> None:
    """Told, unless a further letter or call is under way."""
    if report.communicated_at is not None and report.communicated_at >= at:
        return
    if follow_queries.is_under_way(session, report):
        return
    report.communicated_at = at
    items.close_item(session, WORKER, report.id, WorkItemKind.RESULT_COMMUNICATION, outcome, now)


def _find_another_way(
    session: Session, report: DiagnosticReport, failed_at: datetime, now: datetime
) -> None:
    if report.communicated_at is not None and report.communicated_at > failed_at:
        return  # told by other means since
    if deaths.is_deceased(session, report.patient_id):
        return
    report.communicated_at = None
    notable = report.abnormality in rules.NOTABLE
    priority = rules.priority_of(Abnormality.ABNORMAL if notable else Abnormality.NORMAL)
    items.open_item(session, WORKER, report, WorkItemKind.RESULT_COMMUNICATION, priority, now)


def mark_communicated(
    *, session: Session, actor: Actor, report_id: UUID, command: Communicated, now: datetime
) -> DiagnosticReport:
    """Somebody of the care team has told the patient; how is kept as the outcome of a work item.

    Raises ResultNotFound, AlreadyCommunicated naming when.
    """
    report = items.lock(session, report_id)
    if report.communicated_at is not None:
        raise AlreadyCommunicated(
            "The patient was told of this result.", communicated_at=report.communicated_at
        )
    kind = WorkItemKind.RESULT_COMMUNICATION
    items.open_item(session, actor, report, kind, Priority.ROUTINE, now)
    outcome = command.how if command.note is None else f"{command.how}: {command.note}"
    items.close_item(session, actor, report.id, kind, outcome, now)
    report.communicated_at = now
    items.remember(session, actor, report, "communicate", now)
    return report

"""Referrals and their history."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import owners, rls
from portal.core.actor import AccessCategory, Actor, ActorKind
from portal.core.db import Base, one_of
from portal.core.history import History
from portal.core.rls import INSERT, ME, SELECT, UPDATE, to
from portal.directory.model import MY_CLINIC
from portal.patients import death_model
from portal.patients.merge_findings import meets
from portal.patients.merge_model import FindingKind
from portal.referrals.states import REFERRAL, ReferralKind, ReferralStatus, Urgency

ENDED = "('closed', 'cancelled', 'expired')"
REFERRAL_NUMBERS = Sequence("referral_number", start=100_001, metadata=Base.metadata)


class Referral(Base):
    """One request to another specialty, or one question to a colleague.

    It goes to a practitioner of ours (`specialist_id`) or to somebody elsewhere (`outside_…`), for
    whom the staff of `pool_id` record what comes back; the same staff arrange the appointment.
    `requested_at` is when it was sent: before that the care team alone sees it. `expected_by` is
    when the next step is due; what was not seen until `expires_at` ends: a draft that nobody sends,
    a referral whose authorisation (`valid_until`) is over. `warned_at` is when somebody was told
    of that ahead.
    """

    __tablename__ = "referral"
    __table_args__ = (
        one_of("kind", ReferralKind),
        one_of("status", ReferralStatus),
        one_of("urgency", Urgency),
        CheckConstraint("num_nonnulls(specialist_id, outside_name) = 1", name="addressee"),
        CheckConstraint("specialist_id <> referrer_id", name="somebody_else"),
        CheckConstraint("NOT same_day OR urgency <> 'routine'", name="same_day"),
        CheckConstraint("valid_from <= valid_until", name="validity"),
        CheckConstraint(f"(status IN {ENDED}) = (closed_at IS NOT NULL)", name="end"),
        CheckConstraint(f"(status IN {ENDED}) = (expected_by IS NULL)", name="clock"),
        CheckConstraint(
            "requested_at IS NOT NULL OR status IN ('draft', 'cancelled', 'expired')", name="sent"
        ),
        CheckConstraint("(status = 'scheduled') <= (appointment_at IS NOT NULL)", name="scheduled"),
        Index("ix_referral_patient", "patient_id", "created_at", "id"),
        Index("ix_referral_specialist", "specialist_id", "created_at", "id"),
        Index("ix_referral_referrer", "referrer_id", "created_at", "id"),
        Index("ix_referral_pool", "pool_id", "created_at", "id"),
        Index(
            "ix_referral_about",
            "about",
            postgresql_using="gin",
            postgresql_ops={"about": "jsonb_path_ops"},
        ),
        Index(
            "ix_referral_appointment",
            "appointment_at",
            "id",
            postgresql_where=text("status = 'scheduled'"),
        ),
        Index(
            "ix_referral_expires",
            "expires_at",
            "id",
            postgresql_where=text(f"status NOT IN {ENDED}"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    referrer_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    kind: Mapped[str]
    specialty: Mapped[str]
    specialist_id: Mapped[UUID | None] = mapped_column(ForeignKey("practitioner.id"))
    outside_name: Mapped[str | None]
    outside_organization: Mapped[str | None]
    outside_npi: Mapped[str | None]
    outside_phone: Mapped[str | None]
    outside_fax: Mapped[str | None]
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("pool.id"))
    status: Mapped[str]
    urgency: Mapped[str]
    same_day: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str]
    summary: Mapped[str | None]
    diagnoses: Mapped[list[Any]]
    about: Mapped[list[Any]]
    authorization_number: Mapped[str | None]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    visits_allowed: Mapped[int | None]
    created_at: Mapped[datetime]
    requested_at: Mapped[datetime | None]
    status_at: Mapped[datetime]
    expected_by: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]
    appointment_id: Mapped[UUID | None] = mapped_column(ForeignKey("appointment.id"))
    appointment_at: Mapped[datetime | None]
    appointment_place: Mapped[str | None]
    no_shows: Mapped[int] = mapped_column(server_default=text("0"))
    reason_code: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    confidential: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))

    __mapper_args__ = {"version_id_col": version}

    def move_to(
        self,
        status: ReferralStatus,
        *,
        actor: Actor,
        now: datetime,
        expected_by: datetime | None,
        reason_code: str | None = None,
        note: str | None = None,
    ) -> "ReferralHistory":
        """The history row of the move; `expected_by` is when the next step is due, in UTC.

        Raises IllegalTransition when the table has no such move for this actor.
        """
        before = ReferralStatus(self.status)
        REFERRAL.check(before, status, actor.kind)
        self.status = status
        self.status_at = now
        self.reason_code = reason_code
        ended = status in REFERRAL.ends
        self.closed_at = now if ended else None
        self.expected_by = None if ended else expected_by
        return ReferralHistory.of(self, before, actor=actor, now=now, note=note)


class ReferralHistory(History):
    """One transition of a referral: who moved it, when and why."""

    __tablename__ = "referral_history"
    __table_args__ = (Index("ix_referral_history_referral", "referral_id", "at", "id"),)

    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"))
    reason_code: Mapped[str | None]
    note: Mapped[str | None]

    @classmethod
    def of(
        cls,
        referral: Referral,
        before: ReferralStatus | None,
        *,
        actor: Actor,
        now: datetime,
        note: str | None = None,
    ) -> "ReferralHistory":
        return cls.step(
            referral,
            before,
            actor=actor,
            now=now,
            referral_id=referral.id,
            reason_code=referral.reason_code,
            note=note,
        )


APPOINTMENTS, VISITS = AccessCategory.APPOINTMENTS, AccessCategory.VISITS
_CARED_FOR = "careloop_cares_for(patient_id)"
_SENT = "requested_at IS NOT NULL"
_OF_PATIENT = f"patient_id = {ME} AND {_SENT}"
_SPECIALISTS = f"specialist_id = {ME} AND {_SENT}"
_PRACTITIONERS = f"referrer_id = {ME} OR ({_SPECIALISTS}) OR {_CARED_FOR}"
_MY_POOLS = f"SELECT pool_id FROM pool_member WHERE member_id = {ME}"
_ARRANGED = f"pool_id = ANY(ARRAY({_MY_POOLS})) AND requested_at IS NOT NULL"
# Of an appointment that the actor sees: the staff of a clinic arrange its practitioners' times.
_SEEN_HERE = (
    "EXISTS (SELECT FROM appointment a WHERE a.about_kind = 'referral' "
    "AND a.about_id = referral.id)"
)
_STAFFS = f"({_ARRANGED}) OR {_CARED_FOR} OR {_SEEN_HERE}"
# What is seen of a referral's past is what is seen of it now.
_SEEN = "EXISTS (SELECT FROM referral r WHERE r.id = referral_id)"
# A referral says when and where its patient is seen: with a confidential visit it is kept too.
_KEPT = "(confidential OR careloop_confidential(appointment_id))"
_MOVED = (
    "status",
    "status_at",
    "expected_by",
    "reason_code",
    "closed_at",
    "version",
    "appointment_id",
    "appointment_at",
    "appointment_place",
    "warned_at",
)

rls.protect(
    "referral",
    *to(ActorKind.PATIENT, SELECT, _OF_PATIENT),
    *to(ActorKind.PATIENT, UPDATE, _OF_PATIENT, columns=_MOVED),
    *rls.delegated(APPOINTMENTS, SELECT, _SENT, confidential=_KEPT),
    *rls.delegated(APPOINTMENTS, UPDATE, _SENT, confidential=_KEPT, columns=_MOVED),
    *rls.delegated(VISITS, SELECT, _SENT, confidential=_KEPT),
    *to(ActorKind.PRACTITIONER, (SELECT, UPDATE), _PRACTITIONERS),
    *to(ActorKind.PRACTITIONER, INSERT, f"referrer_id = {ME} AND {_CARED_FOR}"),
    *to(ActorKind.STAFF, SELECT, _STAFFS),
    *to(
        ActorKind.STAFF,
        UPDATE,
        _STAFFS,
        columns=(
            *_MOVED,
            "no_shows",
            "accepted_by",
            "authorization_number",
            "valid_from",
            "valid_until",
            "visits_allowed",
            "expires_at",
        ),
    ),
    *rls.system_access(),
)
rls.protect(
    "referral_history",
    *to(ActorKind.PATIENT, (SELECT, INSERT), f"patient_id = {ME} AND {_SEEN}"),
    *rls.delegated(APPOINTMENTS, (SELECT, INSERT), _SEEN),
    *rls.delegated(VISITS, SELECT, _SEEN),
    *to((ActorKind.PRACTITIONER, ActorKind.STAFF), (SELECT, INSERT), _SEEN),
    *rls.system_access(),
)
rls.way_in(
    "careloop_confidential",
    "EXISTS (SELECT FROM referral WHERE referral.id = target AND confidential)",
)
# Whoever referred, whoever was asked and whoever arranges it sees the patient while it goes on;
# what has ended can still be looked at for a month where the patient was seen, else for a day.
_GOES_ON = (
    "requested_at IS NOT NULL AND (status NOT IN ('declined', 'cancelled', 'expired', 'closed') "
    "OR status_at > now() - CASE WHEN status = 'closed' THEN interval '30 days' "
    "ELSE interval '1 day' END)"
)
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM referral r WHERE r.patient_id = target AND {_GOES_ON} "
    f"AND (r.specialist_id = {ME} OR r.pool_id = ANY(ARRAY({_MY_POOLS} "
    f"AND member_kind = 'staff'))))",
)
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM referral r WHERE r.patient_id = target AND r.referrer_id = {ME} "
    f"AND r.requested_at IS NOT NULL AND (r.closed_at IS NULL "
    f"OR r.closed_at > now() - interval '30 days'))",
)
# So do the staff of the clinic to which the patient comes, or was to come until a day ago.
rls.way_in(
    "careloop_cares_for",
    f"EXISTS (SELECT FROM appointment a JOIN practitioner p ON p.id = a.practitioner_id "
    f"WHERE a.patient_id = target AND a.about_kind = 'referral' AND p.clinic_id = {MY_CLINIC} "
    f"AND a.starts_at > now() - interval '30 days' "
    f"AND (a.status <> 'cancelled' OR a.ended_at > now() - interval '1 day'))",
)

# The item is that of the step for which it waits.
owners.must_have_owner(
    "referral",
    unowned="""
        EXISTS (
            SELECT FROM referral r JOIN (VALUES
                ('requested', 'referral_decision'), ('needs_information', 'referral_information'),
                ('declined', 'referral_declined'), ('accepted', 'referral_scheduling'),
                ('no_show', 'referral_no_show'), ('attended', 'referral_note_missing'),
                ('report_received', 'referral_closing')) AS step(status, item)
                ON step.status = CASE WHEN r.status = 'accepted' AND r.kind = 'consultation'
                                 THEN 'attended' ELSE r.status END
            WHERE r.id = waiting AND NOT EXISTS (
                SELECT FROM work_item w WHERE w.subject_id = r.id AND w.kind = step.item
                AND w.status IN ('open', 'claimed')))
    """,
    complaint="referral % waits for somebody without an open work item",
    table="referral",
    column="id",
    waits_when="NEW.closed_at IS NULL",
    items="NEW.kind LIKE 'referral%'",
    trigger="{}_keeps_referral",
)

death_model.refuse_for_deceased("referral")
# A referral whose patient was seen waits for its note, with an item of its own.
death_model.must_end("referral", REFERRAL.every - REFERRAL.ends)
meets(
    FindingKind.REFERRAL,
    "referral",
    REFERRAL.every - REFERRAL.ends,
    "careloop_name_key(t.specialty) = careloop_name_key(o.specialty)",
    asked="referrer_id",
)

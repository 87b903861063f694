"""Has the demo's people write to each other, and send files as an upload does."""

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fpdf import FPDF
from sqlalchemy.orm import Session

from portal.attachments import service as attachments
from portal.attachments.content import check_content
from portal.attachments.formats import PDF
from portal.attachments.names import clean_name
from portal.attachments.service import Upload
from portal.attachments.storage import Storage
from portal.core.actor import Actor
from portal.core.clock import local_day
from portal.demo import cast
from portal.demo.settling import settle
from portal.demo.stories import Teller
from portal.messages import service as messages
from portal.messages.service import About, Recipient, StartThread, Write
from portal.messages.states import CloseReason, MessageKind, Signature

MOST_BYTES = 1_000_000
# What was measured on the last fourteen mornings, the latest first (mmHg).
MORNINGS = (
    "129/83", "127/82", "131/84", "126/81", "128/83", "130/85", "127/83",
    "132/84", "125/80", "128/82", "129/84", "131/86", "126/83", "130/82",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Files:
    """Where uploads are kept, and whether there is a scanner, for which they wait."""

    storage: Storage
    scanned: bool


@dataclass(frozen=True, slots=True)
class Correspondence:
    """Has people write, each at its time before `now`, and the workers follow at once."""

    teller: Teller
    files: Files

    @property
    def session(self) -> Session:
        return self.teller.session

    def at(self, ago: timedelta) -> datetime:
        return self.teller.now - ago

    def member(self, person: cast.Person) -> Actor:
        """Somebody of the care team."""
        places = self.teller.places
        if person in cast.STAFF:
            return places.staff_member(person.name)
        return places.practitioner(person.name)

    def ask(
        self,
        patient: str,
        to: cast.Person | None,
        category: str,
        subject: str,
        body: str,
        ago: timedelta,
        *,
        about: About | None = None,
        acknowledged: int | None = None,
        attachments: tuple[UUID, ...] = (),
    ) -> UUID:
        """A patient begins a thread, with the nurses where nobody is named; its id."""
        places = self.teller.places
        recipient = (
            Recipient(pool_id=places.pools["nurses"])
            if to is None
            else Recipient(practitioner_id=places.practitioners[to.name])
        )
        started = messages.start_thread(
            session=self.session,
            actor=self.teller.records.patient(patient),
            command=StartThread(
                recipient, category, subject, body, about, acknowledged, attachments
            ),
            now=self.at(ago),
        )
        self.settle(ago)
        return started.thread_id

    def ask_again(self, patient: str, thread_id: UUID, body: str, ago: timedelta) -> None:
        """A patient reads what was answered, and goes on."""
        self._write(self.teller.records.patient(patient), thread_id, ago, body=body)

    def answer(
        self,
        person: cast.Person,
        thread_id: UUID,
        body: str,
        ago: timedelta,
        *,
        signature: Signature = Signature.PERSON,
    ) -> None:
        """Somebody of the care team reads a thread and answers."""
        self._write(self.member(person), thread_id, ago, body=body, signature=signature)

    def note(self, person: cast.Person, thread_id: UUID, body: str, ago: timedelta) -> None:
        """Somebody of the care team reads a thread and leaves a note for the others."""
        kind = MessageKind.INTERNAL_NOTE
        self._write(self.member(person), thread_id, ago, body=body, kind=kind)

    def _write(self, actor: Actor, thread_id: UUID, ago: timedelta, **content: Any) -> None:
        opened = messages.open_thread(
            session=self.session,
            actor=actor,
            thread_id=thread_id,
            after=None,
            limit=20,
            now=self.at(ago),
        )
        messages.write_message(
            session=self.session,
            actor=actor,
            thread_id=thread_id,
            command=Write(last_seen_message_id=opened.messages[0].id, **content),
            now=self.at(ago),
        )
        self.settle(ago)

    def close(
        self, person: cast.Person, thread_id: UUID, reason: CloseReason, ago: timedelta
    ) -> None:
        actor = self.member(person)
        opened = messages.open_thread(
            session=self.session,
            actor=actor,
            thread_id=thread_id,
            after=None,
            limit=1,
            now=self.at(ago),
        )
        messages.close_thread(
            session=self.session,
            actor=actor,
            thread_id=thread_id,
            reason=reason,
            note=None,
            last_seen_message_id=opened.messages[0].id,
            version=None,
            now=self.at(ago),
        )
        self.settle(ago)

    def upload(self, actor: Actor, name: str, content: bytes, ago: timedelta) -> UUID:
        """A patient uploads a PDF, which goes through the same checks as every upload."""
        storage = self.files.storage
        with storage.receive(io.BytesIO(content), length=len(content), most=MOST_BYTES) as received:
            with received.content() as mapped:
                format_ = check_content(mapped, PDF.media_type)
            return attachments.keep_upload(
                session=self.session,
                actor=actor,
                command=Upload(actor.subject_id, clean_name(name, format_), format_, received),
                storage=storage,
                scanned=self.files.scanned,
                now=self.at(ago),
            )

    def settle(self, ago: timedelta) -> None:
        settle(self.session, self.at(ago) + timedelta(seconds=2))


def diary(now: datetime) -> bytes:
    """A page on which somebody wrote down their blood pressure every morning, as a PDF."""
    page = FPDF(format="letter")
    page.set_creation_date(now)
    page.add_page()
    page.set_font("Helvetica", "B", 14)
    page.cell(text="Blood pressure, every morning", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", size=11)
    today = local_day(now, cast.ZONE)
    for days, value in enumerate(MORNINGS, 1):
        day = today - timedelta(days=days)
        page.cell(w=40, h=8, text=f"{day:%b} {day.day}")
        page.cell(w=40, h=8, text=value, new_x="LMARGIN", new_y="NEXT")
    return bytes(page.output())

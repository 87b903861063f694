"""What patients and their care team write to each other in the demo, and the advice line."""

from datetime import timedelta
from uuid import UUID

from portal.demo import cast, drugs
from portal.demo.correspondence import Correspondence, Files, diary
from portal.demo.stories import Teller
from portal.messages import service as messages
from portal.messages.red_flags import shipped
from portal.messages.service import About, Recipient, RequestCall, SaveDraft, WriteToPatients
from portal.messages.states import (
    AboutKind,
    AdviceOutcome,
    AdviceUrgency,
    CloseReason,
    Signature,
    WarnedOf,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NURSE, PRACTICAL_NURSE = cast.STAFF[0], cast.STAFF[1]


def tell(teller: Teller, files: Files) -> None:
    """Threads in every state, calls of the advice line, and what is kept for the next answer."""
    post = Correspondence(teller, files)
    _quick_replies(post)
    _answered_and_closed(post)
    _for_who_is_away(post)
    _signed_by_the_team(post)
    _to_several(post)
    _overdue(post)
    _with_a_file(post)
    _waiting(post)
    _urgent(post)
    _draft(post)
    _advice_line(post)


def _quick_replies(post: Correspondence) -> None:
    for title, body in {
        "Form received": "Thank you, your form has arrived. It will be ready within five days.",
        "Please come in": "We would like to see you about this. Please choose a time in the "
        "portal, or call us at 518-555-0100.",
    }.items():
        messages.add_quick_reply(
            session=post.session,
            actor=post.member(NURSE),
            pool_id=post.teller.places.pools["nurses"],
            title=title,
            body=body,
            now=post.at(60 * DAY),
        )


def _answered_and_closed(post: Correspondence) -> None:
    thread = post.ask(
        "Avery",
        cast.OKAFOR,
        "medication",
        "Lisinopril and ibuprofen",
        "My back hurts after gardening. May I take ibuprofen for a few days with my lisinopril?",
        13 * DAY,
        about=About(
            AboutKind.PRESCRIPTION, post.teller.records.prescription("Avery", drugs.LISINOPRIL)
        ),
    )
    post.answer(
        cast.OKAFOR,
        thread,
        "Better not: together they can raise your blood pressure and strain the kidneys. "
        "Acetaminophen is fine, up to 3 grams a day. Write again if it is not better in a week.",
        12 * DAY,
    )
    post.ask_again("Avery", thread, "Thank you, that helps.", 12 * DAY - HOUR)
    post.close(cast.OKAFOR, thread, CloseReason.NO_REPLY_NEEDED, 11 * DAY)


def _for_who_is_away(post: Correspondence) -> None:
    """Dr. Lindqvist is away: Grace is told so, and Dr. Okafor answers for him."""
    thread = post.ask(
        "Grace",
        cast.LINDQVIST,
        "medication",
        "Tablets with breakfast?",
        "Do I take the donepezil before or after breakfast? The label does not say.",
        2 * DAY,
    )
    post.answer(
        cast.OKAFOR,
        thread,
        "In the evening before you go to bed, with or without food. I cover for Dr. Lindqvist "
        "this week.",
        DAY,
    )


def _signed_by_the_team(post: Correspondence) -> None:
    thread = post.ask(
        "Tyler",
        None,
        "other",
        "Flu shots",
        "Can I get a flu shot without an appointment?",
        4 * DAY,
    )
    post.answer(
        PRACTICAL_NURSE,
        thread,
        "Yes, every weekday from 8 to 10. Bring your insurance card.",
        3 * DAY,
        signature=Signature.TEAM,
    )


def _to_several(post: Correspondence) -> None:
    """One text, a thread with each: none of them learns who else got it."""
    patients = post.teller.records.patients
    messages.write_to_patients(
        session=post.session,
        actor=post.member(cast.RAMAN),
        command=WriteToPatients(
            (patients["Marcus"], patients["Rosa"]),
            "other",
            "Walking group",
            "Our walking group meets on Tuesdays at 10 at the river gate, with a nurse. Come "
            "along if you like.",
        ),
        now=post.at(6 * DAY),
    )
    post.settle(6 * DAY)


def _overdue(post: Correspondence) -> None:
    """Nobody answered: by now it has moved up."""
    post.ask(
        "James",
        cast.CHEN,
        "referral",
        "Physical therapy",
        "The physical therapist asks for a letter from you before the first appointment.",
        9 * DAY,
    )


def _with_a_file(post: Correspondence) -> None:
    """With what she measured at home, and a note that she does not see."""
    actor = post.teller.records.patient("Avery")
    upload = post.upload(actor, "blood pressure diary.pdf", diary(post.teller.now), 26 * HOUR)
    thread = post.ask(
        "Avery",
        cast.OKAFOR,
        "medication",
        "My blood pressure at home",
        "Here is what I measured in the last two weeks. Shall I go on with one amlodipine a day?",
        26 * HOUR,
        attachments=(upload,),
    )
    post.note(
        NURSE,
        thread,
        "Mornings 128/83 on average. Looks fine to me; yours to say.",
        3 * HOUR,
    )


def _waiting(post: Correspondence) -> None:
    post.ask(
        "Sofia",
        cast.OKAFOR,
        "form",
        "Form for my employer",
        "My employer wants a form about my asthma. May I leave it at the front desk?",
        3 * HOUR,
    )


def _urgent(post: Correspondence) -> None:
    """He was shown the emergency guidance, and sent it all the same."""
    subject, body = "Since this morning", "I have chest pain when I climb the stairs."
    actor, shown_at = post.teller.records.patient("Marcus"), post.at(41 * MINUTE)
    messages.check(
        session=post.session,
        actor=actor,
        texts=(subject, body),
        warned_of=WarnedOf.MESSAGE,
        now=shown_at,
    )
    post.ask(
        "Marcus",
        cast.RAMAN,
        "other",
        subject,
        body,
        40 * MINUTE,
        acknowledged=shipped().version,
    )


def _draft(post: Correspondence) -> None:
    okafor = post.teller.places.practitioners[cast.OKAFOR.name]
    messages.add_draft(
        session=post.session,
        actor=post.teller.records.patient("Samuel"),
        command=SaveDraft(
            "I would like to talk about",
            to=Recipient(practitioner_id=okafor),
            category="other",
            subject="My back pain",
        ),
        now=post.at(5 * HOUR),
    )


def _advice_line(post: Correspondence) -> None:
    """One call that was made at the second attempt, and one that a nurse still owes."""
    call = _call(post, "Olga", "A rash since I began the new tablets.", 3 * DAY)
    for outcome, note, ago in (
        (AdviceOutcome.VOICEMAIL, None, 3 * DAY - 50 * MINUTE),
        (
            AdviceOutcome.ADVICE_GIVEN,
            "No fever, no swelling. To stop the new tablets and come in tomorrow.",
            3 * DAY - 80 * MINUTE,
        ),
    ):
        messages.record_outcome(
            session=post.session,
            actor=post.member(NURSE),
            call_id=call,
            outcome=outcome,
            note=note,
            now=post.at(ago),
        )
        post.settle(ago)
    _call(post, "Rosa", "Dizzy when I stand up since yesterday.", 20 * MINUTE)


def _call(post: Correspondence, patient: str, reason: str, ago: timedelta) -> UUID:
    resident = next(one for one in cast.PATIENTS if one.given_name == patient)
    call_id = messages.request_call(
        session=post.session,
        actor=post.teller.records.patient(patient),
        command=RequestCall(reason, resident.phone, AdviceUrgency.URGENT),
        now=post.at(ago),
    )
    post.settle(ago)
    return call_id

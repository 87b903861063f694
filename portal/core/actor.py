"""Who acts. Every transaction runs as one actor, under that actor's own database role."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

NOBODY = UUID(int=0)


class ActorKind(StrEnum):
    """The kinds of actor; each has a database role of the same name, `careloop_<kind>`."""

    PATIENT = "patient"
    DELEGATE = "delegate"
    PRACTITIONER = "practitioner"
    STAFF = "staff"
    ADMINISTRATOR = "administrator"
    PHARMACY = "pharmacy"
    LABORATORY = "laboratory"
    PHONE = "phone"
    WORKER = "worker"
    OPERATOR = "operator"
    ANONYMOUS = "anonymous"

    @property
    def database_role(self) -> str:
        return f"careloop_{self.value}"


class AccessCategory(StrEnum):
    """What of a patient's record somebody may be given access to."""

    MEDICINES = "medicines"
    RESULTS = "results"
    MESSAGES = "messages"
    APPOINTMENTS = "appointments"
    VISITS = "visits"


# A patient, or whoever acts for one.
PATIENT_SIDE = frozenset({ActorKind.PATIENT, ActorKind.DELEGATE})
PEOPLE = PATIENT_SIDE | {ActorKind.PRACTITIONER, ActorKind.STAFF, ActorKind.ADMINISTRATOR}
CLIENTS = frozenset({ActorKind.PHARMACY, ActorKind.LABORATORY, ActorKind.PHONE})


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts.

    `id` is the patient, practitioner, staff member, pharmacy or laboratory; of a delegate, the
    person, who may be a patient themselves. `credential_id` is the account or client that signed
    in; `session_id` the session or access token in use; `on_behalf_of` the patient for whom
    somebody else acts (a delegate, the phone line), and `categories` what a delegate may have of
    that patient's record now: `read_only` once the patient has died.
    """

    kind: ActorKind
    id: UUID
    credential_id: UUID = NOBODY
    session_id: UUID = NOBODY
    on_behalf_of: UUID = NOBODY
    name: str = ""
    purpose: str = "treatment"
    categories: frozenset[str] = frozenset()
    read_only: bool = False

    @property
    def subject_id(self) -> UUID:
        """Whose requests these are: the patient acted for, or the actor."""
        return self.id if self.on_behalf_of == NOBODY else self.on_behalf_of


ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS, id=NOBODY)
WORKER = Actor(kind=ActorKind.WORKER, id=NOBODY, name="Careloop", purpose="operations")
OPERATOR = Actor(kind=ActorKind.OPERATOR, id=NOBODY, name="operator", purpose="operations")

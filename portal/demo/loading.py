"""Loading the demo clinic, all of it or nothing, and starting over."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from portal.attachments.storage import Storage
from portal.config import Config
from portal.core import audit_chain
from portal.core.actor import OPERATOR, WORKER
from portal.core.crypto import Vault
from portal.core.db import transaction
from portal.demo import (
    delegates,
    directory,
    family_stories,
    lab_stories,
    logins,
    message_stories,
    patients,
    record_stories,
    referral_stories,
    stories,
    visit_stories,
)
from portal.demo.correspondence import Files
from portal.demo.laboratory import laboratory_address
from portal.demo.logins import Logins
from portal.demo.settling import leave_the_rest_until, settle
from portal.models import metadata
from portal.requisitions.catalog import TESTS
from portal.requisitions.catalog_loading import CatalogSchema, load_catalog
from portal.worklist import service as worklist

LOAD_LOCK = 7_246_110
# The audit rows of the stories need their months' partitions.
STORIES_REACH = timedelta(days=30)
# Results are told of for two years.
MONTHS_OF_RESULTS = 25
# How often `load` tells how far it is.
STEPS = 7


def load(
    *, config: Config, vault: Vault, now: datetime, tell: Callable[[str], None] = lambda _: None
) -> tuple[Path, bool]:
    """Load the clinic unless it is there, and write the file of its logins. `tell` is told what
    is being loaded, at most STEPS times.

    Returns the file's path, and whether the clinic was loaded just now.
    """
    kept = logins.read(config.var)
    with transaction(OPERATOR) as session:
        there = directory.is_loaded(session)
        directory.move_laboratory(session, laboratory_address())
        if there and kept is not None and logins.still_good(session, kept, now):
            return logins.write(config, kept), False
    tell("demo: everybody's password")
    hashed = logins.hashes()
    files = Files(Storage(config.attachments), scanned=bool(config.clamav_url))
    with transaction(OPERATOR) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOAD_LOCK})
        there = directory.is_loaded(session)
        if there:
            made = logins.renew(session, hashed, vault, now)
        else:
            made = _load(session, hashed, vault, files, now, tell)
    return logins.write(config, made), not there


def _load(
    session: Session,
    hashed: Mapping[str, str],
    vault: Vault,
    files: Files,
    now: datetime,
    tell: Callable[[str], None],
) -> Logins:
    tell("demo: the clinic, its people and its partners")
    for back in range(MONTHS_OF_RESULTS, -1, -1):
        audit_chain.ensure_months(session, now - back * STORIES_REACH)
    tests: dict[str, Any] = CatalogSchema().load({"tests": TESTS})
    load_catalog(session, tests["tests"], now)
    places = directory.write(session, laboratory_address(), now)
    records = patients.write(session, places, now)
    made = logins.create(session, places, records, hashed, vault, now)
    delegates.write(session, places, records, now)
    session.flush()
    session.expunge_all()
    teller = stories.Teller(session, places, records, now)
    tell("demo: refills")
    stories.tell(teller)
    tell("demo: orders and results")
    lab_stories.tell(teller)
    tell("demo: visits")
    visit_stories.tell(teller)
    family_stories.tell(teller)
    tell("demo: messages")
    message_stories.tell(teller, files)
    tell("demo: referrals")
    referral_stories.tell(teller)
    record_stories.tell(teller)
    # What was not answered in time has moved up meanwhile.
    worklist.escalate_due(session=session, actor=WORKER, now=now, limit=500)
    settle(session, now)
    leave_the_rest_until(session, now)
    return made


def wipe(config: Config) -> None:
    """Empty every table of the database."""
    engine = create_engine(config.owner_database_url)
    names = ", ".join(f'"{table}"' for table in metadata.tables)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    finally:
        engine.dispose()

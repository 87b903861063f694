"""Row policies as the server has them: one for each kind of actor and verb, reasons in order."""

from sqlalchemy import text

from portal.core.actor import OPERATOR
from portal.core.db import transaction
from tests.support.clinic import SmallClinic

_SEVERAL = text(
    "SELECT tablename, roles, cmd FROM pg_policies WHERE schemaname = current_schema "
    "AND cmd <> 'ALL' GROUP BY tablename, roles, cmd HAVING count(*) > 1"
)
_QUAL = text(
    "SELECT qual FROM pg_policies WHERE tablename = 'work_item' AND cmd = 'SELECT' "
    "AND 'careloop_practitioner' = ANY(roles)"
)
_WAYS_IN = text("SELECT prosrc FROM pg_proc WHERE proname = 'careloop_cares_for'")


def test_no_kind_of_actor_has_two_policies_for_a_verb(clinic: SmallClinic) -> None:
    with transaction(OPERATOR) as session:
        assert session.execute(_SEVERAL).all() == [], "the server would choose which it asks first"


def test_the_cheap_reason_is_asked_first(clinic: SmallClinic) -> None:
    with transaction(OPERATOR) as session:
        condition = session.execute(_QUAL).scalar_one()
        ways = session.execute(_WAYS_IN).scalar_one()
    places = [condition.index(part) for part in ("assignee_id", "cares_for", "passed_on")]
    assert places == sorted(places)
    assert ways.index("care_team_member") < ways.index("work_item")
    assert ways.count("RETURN true") > 5, "one reason after another, not all at once"

"""What waits for somebody has an open work item, or the commit fails: one constraint for each kind
of thing, asked at the end of every transaction that touches it or closes an item about it."""

from portal.core import rls


def without_item(waits: str, kind: str) -> str:
    """That something waits (a query about `waiting`, its id) and has no open item of this kind."""
    return (
        f"EXISTS ({waits}) AND NOT EXISTS (SELECT FROM work_item WHERE subject_id = waiting "
        f"AND kind = '{kind}' AND status IN ('open', 'claimed'))"
    )


def must_have_owner(
    name: str,
    *,
    unowned: str,
    complaint: str,
    table: str,
    column: str,
    waits_when: str,
    items: str,
    trigger: str,
) -> None:
    """Declare the constraint `{name}_has_owner`.

    `unowned` is the condition on `waiting`, an id, that must not hold; `complaint` names it by `%`.
    It is asked of each row of `table` for which `waits_when` holds, by the id in `column`, and of
    the subject of each work item of the kinds `items` that ends. `trigger` is the triggers' name,
    with the table for `{}`.
    """
    function = f"careloop_{name}_has_owner"
    rls.owned_function(
        f"{function}()",
        "trigger",
        f"""
    DECLARE waiting uuid := to_jsonb(NEW) ->> TG_ARGV[0];
    BEGIN
        IF {unowned} THEN
            RAISE EXCEPTION '{complaint}', waiting
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = '{name}_has_owner';
        END IF;
        RETURN NULL;
    END
    """,
        language="plpgsql",
    )
    ends = f"{items} AND NEW.status IN ('done', 'cancelled')"
    for watched, id_column, when in (
        (table, column, waits_when),
        ("work_item", "subject_id", ends),
    ):
        called = trigger.format(watched)
        rls.define_trigger(f"DROP TRIGGER IF EXISTS {called} ON {watched}")
        rls.define_trigger(
            f"CREATE CONSTRAINT TRIGGER {called} AFTER INSERT OR UPDATE ON {watched} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({when}) "
            f"EXECUTE FUNCTION {function}('{id_column}')"
        )

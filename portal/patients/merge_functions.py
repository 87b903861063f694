"""The logins of two merged records, as the database keeps them: one goes on, one is retired; and
both are what they were when the merge is undone."""

from portal.core import rls

# Whoever merges records sees no accounts. The login of the record that stands goes on, where it has
# one; else the duplicate's does, and also where the other was only invited and never opened. A
# login that goes on is the standing record's, with its sessions. One that is retired has neither
# sessions nor an address: that is free for who owns it. `suspended_from` is what it was before.
rls.owned_function(
    "careloop_merge_accounts(of_patient uuid)",
    "TABLE (kept uuid, moved boolean, retired uuid)",
    """
    DECLARE
        heir uuid;
        theirs account;
        own account;
    BEGIN
        SELECT p.merged_into_id INTO heir FROM patient p WHERE p.id = of_patient;
        IF heir IS NULL THEN
            RETURN;
        END IF;
        SELECT * INTO theirs FROM account a
        WHERE a.kind = 'patient' AND a.person_id = of_patient AND a.status <> 'merged' FOR UPDATE;
        SELECT * INTO own FROM account a
        WHERE a.kind = 'patient' AND a.person_id = heir FOR UPDATE;
        kept := coalesce(own.id, theirs.id);
        IF own.id IS NOT NULL AND theirs.id IS NOT NULL THEN
            IF coalesce(own.suspended_from, own.status) = 'invited'
               AND coalesce(theirs.suspended_from, theirs.status) = 'active' THEN
                kept := theirs.id;
            END IF;
            retired := CASE WHEN kept = own.id THEN theirs.id ELSE own.id END;
            UPDATE account SET suspended_from = coalesce(suspended_from, status), status = 'merged',
                person_id = CASE WHEN id = own.id THEN gen_random_uuid() ELSE person_id END
            WHERE id = retired;
            UPDATE sign_in_session SET revoked_at = now()
            WHERE account_id = retired AND revoked_at IS NULL;
        END IF;
        moved := coalesce(kept = theirs.id, false);
        IF moved THEN
            UPDATE account SET person_id = heir WHERE id = kept;
            UPDATE account SET person_id = of_patient WHERE id = retired AND retired = own.id;
            PERFORM careloop_follow_identity(heir);
        END IF;
        IF careloop_deceased(of_patient) OR careloop_deceased(heir) THEN
            UPDATE account SET suspended_from = status, status = 'suspended'
            WHERE id = kept AND status <> 'suspended';
            UPDATE sign_in_session SET revoked_at = now()
            WHERE account_id = kept AND revoked_at IS NULL;
        END IF;
        RETURN NEXT;
    END
    """,
    language="plpgsql",
)
# Whoever undoes a merge may not see the duplicate. It stands again, with the login that it had; so
# has the survivor. An address that is somebody else's by now is not given back: such an account
# stays retired, and its owner (`lost`) is invited anew. Both have seen the other's data: every
# session ends. While one of them is said to have died both logins are suspended, until the workers
# have found out whose that death is. `refused` is the record into which the survivor was merged.
rls.owned_function(
    "careloop_undo_merge(of_merge uuid)",
    "TABLE (refused uuid, lost uuid)",
    """
    DECLARE
        g patient_merge;
        owner uuid;
        suspend boolean;
    BEGIN
        SELECT * INTO g FROM patient_merge WHERE id = of_merge AND undone_at IS NULL
            AND (careloop_registers(survivor_id)
                 OR careloop_cares_for(careloop_surviving(survivor_id))
                 OR careloop_registers(duplicate_id) OR careloop_cares_for(duplicate_id))
        FOR UPDATE;
        IF g.id IS NULL THEN
            RETURN;
        END IF;
        PERFORM FROM patient p WHERE p.id IN (g.duplicate_id, g.survivor_id)
        ORDER BY p.id FOR NO KEY UPDATE;
        SELECT p.merged_into_id INTO refused FROM patient p WHERE p.id = g.survivor_id;
        IF refused IS NOT NULL THEN
            RETURN NEXT;
            RETURN;
        END IF;
        UPDATE patient SET version = version + 1,
            merged_into_id = CASE WHEN id = g.survivor_id THEN merged_into_id END,
            merged_at = CASE WHEN id = g.survivor_id THEN merged_at END,
            merge_reason = CASE WHEN id = g.survivor_id THEN merge_reason END
        WHERE id IN (g.duplicate_id, g.survivor_id);
        owner := CASE WHEN g.moved_account THEN g.survivor_id ELSE g.duplicate_id END;
        suspend := careloop_deceased(g.duplicate_id) OR careloop_deceased(g.survivor_id);
        UPDATE account SET person_id = gen_random_uuid() WHERE id = g.retired_account;
        IF g.moved_account THEN
            UPDATE account SET person_id = g.duplicate_id
            WHERE id = g.kept_account AND person_id = g.survivor_id;
        END IF;
        BEGIN
            UPDATE account SET person_id = owner,
                status = CASE WHEN suspend THEN 'suspended'
                              ELSE coalesce(suspended_from, 'disabled') END,
                suspended_from = CASE WHEN suspend THEN coalesce(suspended_from, 'disabled') END
            WHERE id = g.retired_account AND status = 'merged';
        EXCEPTION WHEN unique_violation THEN
            lost := owner;
        END;
        UPDATE account SET suspended_from = status, status = 'suspended'
        WHERE suspend AND id = g.kept_account AND status NOT IN ('suspended', 'merged');
        UPDATE sign_in_session SET revoked_at = now()
        WHERE account_id IN (g.kept_account, g.retired_account) AND revoked_at IS NULL;
        PERFORM careloop_follow_identity(g.duplicate_id), careloop_follow_identity(g.survivor_id);
        RETURN NEXT;
    END
    """,
    language="plpgsql",
)
# A record that was merged has no login: not by an invitation that came at the same time (it waits
# for whoever merges), and not by one that is enabled later.
rls.owned_function(
    "careloop_refuse_for_merged()",
    "trigger",
    """
    DECLARE heir uuid;
    BEGIN
        SELECT p.merged_into_id INTO heir FROM patient p WHERE p.id = NEW.person_id FOR KEY SHARE;
        IF heir IS NOT NULL THEN
            RAISE EXCEPTION 'the record of account % was merged', NEW.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'account_of_merged';
        END IF;
        RETURN NULL;
    END
    """,
    language="plpgsql",
)
rls.owned_function(
    "careloop_merged_without_login()",
    "trigger",
    """
    BEGIN
        IF EXISTS (SELECT FROM account a WHERE a.kind = 'patient' AND a.person_id = NEW.id
                   AND a.status <> 'merged') THEN
            RAISE EXCEPTION 'record % was merged and its login stayed behind', NEW.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'account_of_merged';
        END IF;
        RETURN NULL;
    END
    """,
    language="plpgsql",
)
for _event, _name, _when in (
    ("INSERT", "insert", "NEW.kind = 'patient' AND NEW.status <> 'merged'"),
    (
        "UPDATE OF status, person_id",
        "update",
        "NEW.kind = 'patient' AND NEW.status <> 'merged' AND "
        "(NEW.status IS DISTINCT FROM OLD.status OR NEW.person_id IS DISTINCT FROM OLD.person_id)",
    ),
):
    rls.define_trigger(f"DROP TRIGGER IF EXISTS careloop_unmerged_account_{_name} ON account")
    rls.define_trigger(
        f"CREATE TRIGGER careloop_unmerged_account_{_name} AFTER {_event} ON account "
        f"FOR EACH ROW WHEN ({_when}) EXECUTE FUNCTION careloop_refuse_for_merged()"
    )
rls.define_trigger("DROP TRIGGER IF EXISTS careloop_merged_without_login ON patient")
rls.define_trigger(
    "CREATE CONSTRAINT TRIGGER careloop_merged_without_login AFTER UPDATE ON patient "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
    "WHEN (NEW.merged_into_id IS NOT NULL AND OLD.merged_into_id IS NULL) "
    "EXECUTE FUNCTION careloop_merged_without_login()"
)

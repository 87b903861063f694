"""Who somebody is, as the database finds and follows it: record numbers, names, birth dates."""

from portal.core import rls
from portal.core.names import full_name_sql
from portal.patients.identity import number_key_sql
from portal.patients.model import SURVIVING

rls.owned_function("careloop_number_key(number text)", "text", f"SELECT {number_key_sql('number')}")
# Whose a record number is, now or formerly: the record that stands. A number that was corrected and
# is another's today is that one's alone.
rls.owned_function(
    "careloop_of_number(number text)",
    "TABLE (id uuid)",
    f"""
    WITH wanted AS (SELECT {number_key_sql("number")} AS key),
    now AS (SELECT p.id FROM patient p JOIN wanted ON {number_key_sql("p.mrn")} = wanted.key)
    SELECT {SURVIVING}(now.id) FROM now
    UNION
    SELECT {SURVIVING}(c.patient_id)
    FROM patient_correction c JOIN wanted ON c.former_key = wanted.key
    WHERE NOT EXISTS (SELECT FROM now)
    """,
)
rls.owned_function(
    "careloop_number_in_use(number text)",
    "boolean",
    f"""
    SELECT EXISTS (SELECT FROM patient p
                   WHERE {number_key_sql("p.mrn")} = {number_key_sql("number")})
    """,
)
# Exceptional access begins with a record that one can't see: both marks of it must be known.
rls.owned_function(
    "careloop_patient_by_mrn(number text, born date)",
    "uuid",
    f"""
    SELECT p.id FROM careloop_of_number(number) AS found(id) JOIN patient p ON p.id = found.id
    WHERE p.birth_date = born OR EXISTS (
        SELECT FROM patient d WHERE d.birth_date = born AND d.merged_into_id IS NOT NULL
        AND {SURVIVING}(d.id) = p.id)
    ORDER BY p.birth_date = born DESC LIMIT 1
    """,
)
# Who may be meant by a name and a birth date, for whoever registers somebody: each record that
# stands, by its names and those that it had, or that a duplicate of it has.
rls.owned_function(
    "careloop_born_on(born date)",
    "TABLE (patient_id uuid, given_name text, family_name text)",
    f"""
    SELECT {SURVIVING}(p.id), p.given_name, p.family_name
    FROM patient p WHERE p.birth_date = born
    UNION
    SELECT {SURVIVING}(c.patient_id), f.given_name, f.family_name
    FROM patient p JOIN patient_correction c ON c.patient_id = p.id
    CROSS JOIN LATERAL jsonb_to_record(c.before) AS f(given_name text, family_name text)
    WHERE p.birth_date = born
    """,
)
# A record's clinic is corrected by whoever keeps the record, and may not see it any more then.
rls.owned_function(
    "careloop_set_clinic(of_patient uuid, to_clinic uuid)",
    "void",
    """
    BEGIN
        IF careloop_cares_for(of_patient) OR careloop_registers(of_patient) THEN
            UPDATE patient SET clinic_id = to_clinic WHERE id = of_patient;
        END IF;
    END
    """,
    language="plpgsql",
)
# What is written down of who somebody is beside the record: the name of their account, and the
# birth date to which a code that was not used yet is bound. Whoever corrects sees neither.
rls.owned_function(
    "careloop_follow_identity(of_patient uuid)",
    "void",
    f"""
    BEGIN
        UPDATE account a SET name = {full_name_sql("p")} FROM patient p
        WHERE p.id = of_patient AND a.kind = 'patient' AND a.person_id = p.id;
        UPDATE invitation i SET birth_date = p.birth_date FROM account a, patient p
        WHERE p.id = of_patient AND a.kind = 'patient' AND a.person_id = p.id
          AND i.account_id = a.id AND i.used_at IS NULL AND i.birth_date IS NOT NULL;
    END
    """,
    language="plpgsql",
)

"""Conversations and appointments: drafts, closing, search that folds accents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The rules of portal/core/folding.py, as they were when the columns were filled by them.
_REMOVED = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    r"\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    r"\u20d0-\u20ff\ufe20-\ufe2f\u00ad\u034f\u061c\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_BLANKS = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_UNSPACED = (
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
    r"\u3005\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_ACUTES, _APOSTROPHES = r"\u00b4\u1ffd", r"\u0060\u02b9\u02bb-\u02bd\u2018-\u201b\u2032\ua78c\uff07"
_DASHES = r"\u2010-\u2015\u2212\ufe58\ufe63\uff0d-"
_LETTERS, _PLAIN = "\u00f8\u0142\u0111\u00f0\u0127\u0131\u0167\u0256\u0268", "olddhitdi"

_FOLDING = (
    f"""
    CREATE FUNCTION careloop_same_letters(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN normalize(replace(replace(replace(translate(regexp_replace(regexp_replace(
        normalize(
            casefold(
                normalize(regexp_replace(value, '[{_ACUTES}]', '''', 'g'), NFKD)
                COLLATE pg_unicode_fast),
            NFKD),
        '[{_REMOVED}]', '', 'g'),
        '[{_APOSTROPHES}]', '''', 'g'), '{_LETTERS}', '{_PLAIN}'),
        '\u00e6', 'ae'), '\u0153', 'oe'), '\u00fe', 'th'), NFKC)
    """,
    f"""
    CREATE FUNCTION careloop_folded(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN btrim(regexp_replace(careloop_same_letters(value), '[{_BLANKS}]+', ' ', 'g'), ' ')
    """,
    f"""
    CREATE FUNCTION careloop_name_key(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN btrim(regexp_replace(
        regexp_replace(careloop_same_letters(value), '[''.]', '', 'g'),
        '[{_BLANKS}{_DASHES}]+', ' ', 'g'), ' ')
    """,
    # Each run of letters without blanks as its pairs, so that a part of it is a phrase; and each
    # letter alone at the end. A letter is written in ASCII, which no locale takes apart.
    f"""
    CREATE FUNCTION careloop_search_text(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
    WITH text AS (SELECT careloop_folded(value) AS folded),
    letter AS (
        SELECT c, i, c ~ '[{_UNSPACED}]' AS unspaced, 'u' || to_hex(ascii(c)) AS code
        FROM text CROSS JOIN regexp_split_to_table(folded, '') WITH ORDINALITY AS l(c, i)
        WHERE folded ~ '[{_UNSPACED}]'
    ), run AS (
        SELECT *, coalesce(lag(unspaced) OVER w, false) AS goes_on,
               CASE WHEN lead(unspaced) OVER w THEN lead(code) OVER w END AS follower
        FROM letter WINDOW w AS (ORDER BY i)
    )
    SELECT coalesce(
        (SELECT string_agg(
                    CASE WHEN NOT unspaced THEN c
                         WHEN follower IS NOT NULL THEN ' ' || code || follower || ' '
                         WHEN goes_on THEN ' ' ELSE ' ' || code || ' ' END, '' ORDER BY i)
                || ' ' || string_agg(DISTINCT code, ' ') FILTER (WHERE unspaced)
         FROM run), folded)
    FROM text;
    END
    """,
)


def _search_column(table: str, column: str, function: str) -> None:
    """A generated column can't be given another expression: its index goes and comes with it."""
    filled = f"to_tsvector('english'::regconfig, {function}({column}))"
    op.drop_index(f"ix_{table}_search", table_name=table)
    op.drop_column(table, "search")
    op.add_column(
        table, sa.Column("search", TSVECTOR, sa.Computed(filled, persisted=True), nullable=False)
    )
    op.create_index(f"ix_{table}_search", table, ["search"], postgresql_using="gin")


def _search_folded() -> None:
    for statement in _FOLDING:
        op.execute(sa.text(statement.replace(":", r"\:")))
    _search_column("thread", "subject", "careloop_search_text")
    _search_column("message", "body", "careloop_search_text")
    for name in ("given", "family"):
        filled = sa.Computed(f"careloop_name_key({name}_name)", persisted=True)
        op.add_column("patient", sa.Column(f"{name}_key", sa.Text, filled, nullable=False))
    op.execute("DROP FUNCTION IF EXISTS careloop_my_patients()")  # it gives the keys now


def _many_drafts() -> None:
    """Of one thread, and of one new one, as many as somebody wants; with the uploads they hold."""
    op.drop_constraint(op.f("uq_draft_author_id_target_id"), "draft", type_="unique")
    op.drop_constraint(op.f("ck_draft_target"), "draft", type_="check")
    op.drop_column("draft", "target_id")
    one = sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    op.add_column("draft", one)
    op.create_index("ix_draft_author", "draft", ["author_id", "updated_at", "id"])
    op.create_index("ix_draft_thread", "draft", ["thread_id"])
    op.create_table(
        "draft_attachment",
        sa.Column("draft_id", sa.Uuid(), nullable=False),
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"],
            ["draft.id"],
            name=op.f("fk_draft_attachment_draft_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_draft_attachment_attachment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("draft_id", "attachment_id", name=op.f("pk_draft_attachment")),
    )
    op.create_index(
        "uq_draft_attachment_attachment", "draft_attachment", ["attachment_id"], unique=True
    )
    op.execute("DROP FUNCTION IF EXISTS careloop_forget_hidden_draft(uuid)")


def _one_draft() -> None:
    """The last changed of each thread, and of each new one."""
    op.execute("DROP FUNCTION IF EXISTS careloop_upload_kept(uuid)")
    op.drop_table("draft_attachment")
    op.drop_index("ix_draft_author", table_name="draft")
    op.drop_index("ix_draft_thread", table_name="draft")
    op.drop_column("draft", "version")
    op.add_column("draft", sa.Column("target_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE draft SET target_id = coalesce(thread_id, patient_id)")
    op.execute(
        "DELETE FROM draft d USING draft newer WHERE newer.author_id = d.author_id "
        "AND newer.target_id = d.target_id "
        "AND (newer.updated_at, newer.id) > (d.updated_at, d.id)"
    )
    op.alter_column("draft", "target_id", nullable=False)
    op.create_unique_constraint(
        op.f("uq_draft_author_id_target_id"), "draft", ["author_id", "target_id"]
    )
    op.create_check_constraint("target", "draft", "thread_id IS NULL OR target_id = thread_id")


def upgrade() -> None:
    _search_folded()
    _many_drafts()


def downgrade() -> None:
    _one_draft()
    op.execute("DROP FUNCTION IF EXISTS careloop_my_patients()")
    for name in ("given", "family"):
        op.drop_column("patient", f"{name}_key")
    _search_column("message", "body", "")
    _search_column("thread", "subject", "")
    for name in ("search_text", "name_key", "folded", "same_letters"):
        op.execute(f"DROP FUNCTION careloop_{name}(text)")

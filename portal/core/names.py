"""People's names. One name alone is a name (a mononym): its other part is empty."""


def full_name(given_name: str | None, family_name: str | None) -> str:
    """A name as it is written, whichever of its parts there are."""
    return " ".join(part for part in (given_name, family_name) if part)


def full_name_sql(table: str) -> str:
    """The same of a row with `given_name` and `family_name`, as SQL; NULL where there is no row."""
    return f"btrim({table}.given_name || ' ' || {table}.family_name)"

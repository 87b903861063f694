"""`portal loops`: whether every loop has its owner and its next step."""

import click
from flask.cli import AppGroup

from portal.core.actor import OPERATOR
from portal.core.clock import utcnow
from portal.core.db import transaction
from portal.refills.loops import check as find_violations

loops = AppGroup("loops", help="Open loops and their owners.")


@loops.command("check")
def check() -> None:
    """List every loop that is not as it should be; exit 1 when there is one."""
    with transaction(OPERATOR) as session:
        violations = find_violations(session, now=utcnow())
    for violation in violations:
        click.echo(f"{violation.id}  {violation.rule}")
    click.echo(f"{len(violations)} violations")
    if violations:
        raise SystemExit(1)

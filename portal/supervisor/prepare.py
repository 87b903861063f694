"""`python -m portal.supervisor.prepare`: migrations, then the demo clinic. One process for both,
since each would have to load the whole application."""

from portal.app import create_app
from portal.config import Config, load_config
from portal.core.clock import utcnow
from portal.core.log import configure_logging
from portal.core.web import extension
from portal.demo.loading import STEPS, load
from portal.migrate import migrate
from portal.supervisor.preparing import MIGRATED, note_migrated
from portal.web.starting import Tell, teller


def main() -> None:
    config = load_config()
    demo = config.environment == "demo"
    tell = teller(config.var, 2 + (STEPS if demo else 0))
    configure_logging()
    tell("bringing the database to this version")
    migrate(config)
    note_migrated(config.var)
    tell(MIGRATED)
    if demo:
        _load_demo(config, tell)


def _load_demo(config: Config, tell: Tell) -> None:
    with create_app(config).app_context():
        vault = extension("vault")
        _, fresh = load(config=config, vault=vault, now=utcnow(), tell=tell)
    print("The demo clinic was loaded." if fresh else "The demo clinic is there already.")


if __name__ == "__main__":
    main()

"""The application: every part registered in one place, and nothing else."""

from flask import Flask
from flask_smorest import Api

from portal.accounts.admin_routes import blueprint as administration
from portal.accounts.authentication import authenticate
from portal.accounts.oauth_routes import blueprint as oauth
from portal.accounts.routes import blueprint as accounts
from portal.appointments.offer_routes import blueprint as appointment_offers
from portal.appointments.routes import blueprint as appointments
from portal.appointments.slot_routes import blueprint as slots
from portal.attachments.routes import blueprint as attachments
from portal.config import Config, load_config
from portal.core import db, limits, permissions, problems, web
from portal.core.crypto import Vault
from portal.core.json import OrjsonProvider
from portal.core.log import configure_logging
from portal.directory.departure_routes import blueprint as departures
from portal.directory.laboratory_routes import blueprint as laboratory_directory
from portal.directory.routes import blueprint as directory
from portal.messages.advice_routes import blueprint as advice
from portal.messages.composing_routes import blueprint as composing
from portal.messages.draft_routes import blueprint as drafts
from portal.messages.listing_routes import blueprint as threads
from portal.messages.routes import blueprint as messages
from portal.notifications.outreach_routes import blueprint as outreach
from portal.notifications.routes import blueprint as notifications
from portal.patients.correction_routes import blueprint as corrections
from portal.patients.death_routes import blueprint as deaths
from portal.patients.delegation_routes import blueprint as delegations
from portal.patients.merge_routes import blueprint as merges
from portal.patients.routes import blueprint as patients
from portal.prescriptions.routes import blueprint as prescriptions
from portal.referrals.routes import blueprint as referrals
from portal.refills.pharmacy_routes import blueprint as pharmacies
from portal.refills.phone_routes import blueprint as phone
from portal.refills.routes import blueprint as refills
from portal.requisitions.imaging_routes import blueprint as imaging
from portal.requisitions.laboratory_routes import blueprint as lab_orders
from portal.requisitions.routes import blueprint as requisitions
from portal.results.intake_routes import blueprint as intake
from portal.results.routes import blueprint as results
from portal.results.work_routes import blueprint as result_work
from portal.visits.chart_routes import blueprint as chart
from portal.visits.routes import blueprint as visits
from portal.visits.summary_routes import blueprint as summaries
from portal.web import openapi
from portal.web.routes import blueprint as pages
from portal.worklist.routes import blueprint as worklist

SLICES = (
    accounts,
    prescriptions,
    refills,
    pharmacies,
    phone,
    intake,
    requisitions,
    slots,
    appointments,
    appointment_offers,
    imaging,
    lab_orders,
    results,
    result_work,
    messages,
    threads,
    composing,
    drafts,
    advice,
    visits,
    summaries,
    chart,
    referrals,
    worklist,
    notifications,
    outreach,
    attachments,
    patients,
    corrections,
    delegations,
    deaths,
    merges,
    directory,
    departures,
    laboratory_directory,
    administration,
)


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application.

    Raises ConfigurationError for a missing setting, UndeclaredRoute for a route without a
    permission.
    """
    configure_logging()
    config = config or load_config()
    app = Flask("portal", static_folder=None)
    app.json = OrjsonProvider(app)
    app.extensions["careloop.config"] = config
    app.extensions["careloop.vault"] = Vault(config.secret_key)
    app.config.update(SECRET_KEY=config.secret_key, **openapi.SETTINGS)
    db.register(app, config)
    web.register(app, authenticate)
    limits.register(app, config)
    api = Api(app)
    problems.register(app)  # after the API library's own handlers, which it replaces
    for blueprint in SLICES:
        api.register_blueprint(blueprint)
    app.register_blueprint(oauth)
    app.register_blueprint(pages)
    app.extensions["careloop.openapi"] = openapi.document(api, app)
    permissions.verify_routes(app)
    return app

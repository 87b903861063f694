"""TLS for MLLP, by the settings."""

import ssl

from portal.config import Config


def client_context(config: Config) -> ssl.SSLContext:
    """For connections to laboratories: their certificate is checked against PORTAL_MLLP_CA_FILE, or
    the system's authorities; ours is shown where PORTAL_MLLP_CERT_FILE names one."""
    context = ssl.create_default_context(cafile=config.mllp_ca_file)
    if config.mllp_cert_file is not None:
        context.load_cert_chain(config.mllp_cert_file, config.mllp_key_file)
    return context

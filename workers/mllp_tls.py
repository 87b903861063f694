"""TLS for MLLP, by the settings."""

import ssl

from portal.config import Config, ConfigurationError


def client_context(config: Config) -> ssl.SSLContext:
    """For connections to laboratories: their certificate is checked against PORTAL_MLLP_CA_FILE, or
    the system's authorities; ours is shown where PORTAL_MLLP_CERT_FILE names one."""
    context = ssl.create_default_context(cafile=config.mllp_ca_file)
    if config.mllp_cert_file is not None:
        context.load_cert_chain(config.mllp_cert_file, config.mllp_key_file)
    return context


def server_context(config: Config) -> ssl.SSLContext | None:
    """For connections from laboratories, where PORTAL_MLLP_TLS says so. With PORTAL_MLLP_CA_FILE
    they must show a certificate of that authority.

    Raises ConfigurationError for TLS without a certificate.
    """
    if not config.mllp_tls:
        return None
    if config.mllp_cert_file is None:
        raise ConfigurationError("PORTAL_MLLP_TLS needs PORTAL_MLLP_CERT_FILE")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=config.mllp_ca_file)
    context.load_cert_chain(config.mllp_cert_file, config.mllp_key_file)
    if config.mllp_ca_file is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context

"""From the section tls_server_config to what Python's ssl takes."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from monitor.errors import ConfigError
from monitor.web.settings import TlsSection

VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
CURVES: Final = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
SUITES: Final = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
"""Of TLS 1.2, as Go and as OpenSSL name them."""


def context(section: TlsSection, folder: Path) -> ssl.SSLContext:
    """The server's side of TLS. folder: where relative paths start.

    Raises ConfigError, with the key in it, for files that cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = VERSIONS[section.min_version]
    made.maximum_version = VERSIONS[section.max_version]
    made.options |= ssl.OP_NO_RENEGOTIATION
    if not section.prefer_server_cipher_suites:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if section.cipher_suites:
        made.set_ciphers(":".join(SUITES[name] for name in section.cipher_suites))
    for curve in section.curve_preferences:
        made.set_ecdh_curve(CURVES[curve])
    made.set_alpn_protocols(["http/1.1"])
    _load_certificate(made, folder / section.cert_file, folder / section.key_file)
    made.verify_mode = CLIENT_AUTH[section.client_auth_type]
    _load_authorities(made, section, folder)
    return made


def _load_certificate(made: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for name, path in (("cert_file", certificate), ("key_file", key)):
        _check_readable(name, path)
    try:
        # Without a password of ours, OpenSSL would ask for one on the terminal.
        made.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        raise ConfigError(
            f"tls_server_config.cert_file, key_file: {certificate} and {key} cannot be used:"
            f" {_reason(error)}. They must be PEM, belong together, and the key must have no"
            " password."
        ) from None


def _load_authorities(made: ssl.SSLContext, section: TlsSection, folder: Path) -> None:
    name = "client_ca" if section.client_ca else "client_ca_file"
    try:
        if section.client_ca:
            made.load_verify_locations(cadata=section.client_ca)
        elif section.client_ca_file:
            path = folder / section.client_ca_file
            _check_readable(name, path)
            made.load_verify_locations(cafile=path)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"tls_server_config.{name}: cannot be used: {_reason(error)}. It must hold the"
            " certificates of the authorities that sign your clients' certificates, as PEM."
        ) from None


def _check_readable(name: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ConfigError(
            f"tls_server_config.{name}: cannot read {path}: {error.strerror}. Name a readable file."
        ) from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or "not PEM").replace("_", " ").lower()

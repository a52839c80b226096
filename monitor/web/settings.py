"""The web configuration file's sections, in the format of Prometheus' exporter toolkit.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. What Python's
ssl cannot do is refused, and never passed over: it would be a protection that is not there.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

HASH: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
COSTS: Final = range(4, 16)
"""Each step doubles the time: 15 takes two seconds."""
_OLD_TLS: Final = ("TLS10", "TLS11")


def _refused(reason: str) -> BeforeValidator:
    """A key of the toolkit's that cannot be honoured here."""

    def refuse(value: Any) -> None:
        raise ValueError(reason)

    return BeforeValidator(refuse)


def _modern(version: Any) -> Any:
    if version in _OLD_TLS:
        raise ValueError(f"{version} is not safe and not supported; write TLS12 or TLS13")
    return version


def _verified(kind: Any) -> Any:
    if kind in ("RequestClientCert", "RequireAnyClientCert"):
        raise ValueError(
            f"{kind} takes certificates that nobody has verified, which Python's ssl cannot do;"
            " write VerifyClientCertIfGiven or RequireAndVerifyClientCert"
        )
    return kind


def _chosen_suite(name: Any) -> Any:
    if name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        raise ValueError(
            f"{name} is a suite of TLS 1.3, whose suites are always on and cannot be chosen;"
            " name suites of TLS 1.2 only"
        )
    return name


def _hash(text: str) -> str:
    """No message of this function's may hold the text."""
    match = HASH.fullmatch(text)
    if match is None:
        raise ValueError("is not a bcrypt hash; make one with `htpasswd -nBC 10 '' | tr -d ':\\n'`")
    if int(match[1]) not in COSTS:
        raise ValueError(
            f"has cost {int(match[1])}; it must be from {COSTS[0]} to {COSTS[-1]}, and 10 to 12"
            " are usual"
        )
    return text


def _header_value(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("holds characters that do not fit into a header")
    return text


Version = Annotated[Literal["TLS12", "TLS13"], BeforeValidator(_modern)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Suite = Annotated[
    Literal[
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    ],
    BeforeValidator(_chosen_suite),
]


class WebSection(BaseModel):
    """A part of the file: unknown keys are refused, and no value shows in a repr."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, strict=True, populate_by_name=True
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    __str__ = __repr__


class TlsSection(WebSection):
    """Certificates, and whom to believe."""

    cert_file: str = Field(min_length=1)
    key_file: str = Field(min_length=1)
    cert: Annotated[None, _refused("Python's ssl reads it from a file; use cert_file")] = None
    key: Annotated[None, _refused("Python's ssl reads it from a file; use key_file")] = None
    client_auth_type: Annotated[
        Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"],
        BeforeValidator(_verified),
    ] = "NoClientCert"
    client_ca_file: str | None = Field(None, min_length=1)
    client_ca: str | None = Field(None, min_length=1)
    client_allowed_sans: list[Annotated[str, Field(min_length=1)]] = []
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: list[Suite] = []
    curve_preferences: list[Literal["CurveP256", "CurveP384", "CurveP521", "X25519"]] = []
    prefer_server_cipher_suites: bool = True

    @model_validator(mode="after")
    def _versions(self) -> TlsSection:
        if self.min_version > self.max_version:
            raise ValueError("min_version must not be above max_version")
        if len(self.curve_preferences) > 1:
            raise ValueError(
                "curve_preferences: Python's ssl takes one curve; name one, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _clients(self) -> TlsSection:
        verifies = self.client_auth_type != "NoClientCert"
        authority = self.client_ca_file or self.client_ca
        if self.client_ca_file and self.client_ca:
            raise ValueError("give either client_ca_file or client_ca, and not both")
        if verifies and not authority:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs client_ca_file")
        if authority and not verifies:
            raise ValueError(
                "client_ca_file does nothing with client_auth_type NoClientCert; write"
                " RequireAndVerifyClientCert to ask clients for a certificate"
            )
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError(
                "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert"
            )
        return self


class HeadersSection(WebSection):
    """Headers that are added to every answer."""

    content_security_policy: HeaderValue | None = Field(None, alias="Content-Security-Policy")
    frame_options: Literal["deny", "sameorigin", "DENY", "SAMEORIGIN"] | None = Field(
        None, alias="X-Frame-Options"
    )
    content_type_options: Literal["nosniff"] | None = Field(None, alias="X-Content-Type-Options")
    xss_protection: HeaderValue | None = Field(None, alias="X-XSS-Protection")
    transport_security: HeaderValue | None = Field(None, alias="Strict-Transport-Security")


class HttpSection(WebSection):
    """HTTP itself. http2: taken and without effect, HTTP/1.1 is spoken to everybody."""

    http2: bool = True
    headers: HeadersSection = HeadersSection()


class WebFile(WebSection):
    """The whole file."""

    tls_server_config: TlsSection | None = None
    http_server_config: HttpSection = HttpSection()
    basic_auth_users: dict[
        Annotated[str, Field(min_length=1, pattern="^[^:]+$")],
        Annotated[str, AfterValidator(_hash)],
    ] = {}

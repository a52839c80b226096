"""How the web server is protected at one moment: replaced as a whole, read for every connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from monitor.web.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Security:
    """tls: None for plain HTTP. client_names: names of which a client's certificate must have
    one; empty for no such rule. headers: added to every answer. users: None without logins.
    """

    tls: ssl.SSLContext | None = None
    client_names: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Passwords | None = None

    @property
    def knows_clients(self) -> bool:
        """Whether nobody may ask who has neither a password nor a certificate."""
        return self.users is not None or (
            self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED
        )

    def welcomes(self, certificate: Mapping[str, Any] | None) -> bool:
        """Whether a client with this certificate, as `getpeercert` has it, may ask."""
        if not self.client_names:
            return True
        names = (certificate or {}).get("subjectAltName", ())
        return any(_plain(kind, name) in self.client_names for kind, name in names)


def _plain(kind: str, name: str) -> str:
    """A name of a certificate as people write it; OpenSSL spells IPv6 addresses out."""
    return str(ip_address(name.strip())) if kind == "IP Address" else name


OPEN = Security()
"""Plain HTTP for everybody."""


def opened(before: Security, after: Security) -> str:
    """What of a protection has gone from `before` to `after`, for a running server; empty if none.

    TLS that has come counts, too: those who ask without it would be shut out at once. Others
    than before may be let in: users, authorities and names may change, and not end.
    """
    if before.tls is None or after.tls is None:
        if before.tls is not after.tls:
            return "tls_server_config has come or gone"
    elif after.tls.verify_mode < before.tls.verify_mode:
        return "tls_server_config.client_auth_type asks less of clients"
    if before.users is not None and after.users is None:
        return "basic_auth_users has gone"
    if before.client_names and not after.client_names:
        return "tls_server_config.client_allowed_sans has gone"
    return ""

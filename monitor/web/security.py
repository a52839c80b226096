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

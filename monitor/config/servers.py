"""The addresses of brokers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from monitor.process.text import printable_line

_HOST: Final = re.compile(r"\w[\w.-]*|\[[0-9A-Fa-f:.]+(?:%\w+)?\]")
_PORTS: Final = range(1, 65536)


def checked_servers(value: Any) -> Any:
    """Addresses with a comma between them; raises ValueError for one that cannot be meant."""
    if isinstance(value, str):
        parts = value.split(",")
    elif isinstance(value, list | tuple) and value and all(isinstance(v, str) for v in value):
        parts = list(value)
    else:
        raise ValueError("must be brokers as HOST:PORT, a list or separated by commas")
    return ",".join(_address(part.strip()) for part in parts)


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    got = f", got {printable_line(repr(text), 80)}"
    if "://" in text:
        raise ValueError(
            f"must be HOST:PORT without {printable_line(text.partition('://')[0], 40)}://{got}."
            " kafka.security_protocol says how to connect"
        )
    if not _HOST.fullmatch(host) or not (port.isascii() and port.isdigit()):
        raise ValueError(f"must be brokers as HOST:PORT, a list or separated by commas{got}")
    if int(port[:6]) not in _PORTS:
        raise ValueError(f"must have a port from 1 to 65535{got}")
    return text


Servers = Annotated[str, BeforeValidator(checked_servers)]

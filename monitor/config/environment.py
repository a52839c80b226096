"""The variables of the environment that set values, and those that only look as if they did.

Kubernetes gives every container variables for every Service: for one with the name aead-monitor
they begin as ours do, such as AEAD_MONITOR_PORT=tcp://10.0.0.1:9464. They are left alone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic_settings import EnvSettingsSource

from monitor.config.names import suggestion
from monitor.config.placeholders import PLACEHOLDER
from monitor.errors import ConfigError
from monitor.process.text import printable_line

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

log = structlog.get_logger(__name__)

PREFIX: Final = "AEAD_MONITOR_"
_ADDRESS: Final = r"(?:tcp|udp|sctp)://\S+:\d+"
_SERVICE: Final = (
    (re.compile(r"(?:\w+_)?SERVICE_HOST"), re.compile(r"[0-9a-fA-F:.]+|None|")),
    (re.compile(r"(?:\w+_)?SERVICE_PORT(?:_\w+)?"), re.compile(r"\d+")),
    (re.compile(r"(?:\w+_)?PORT"), re.compile(_ADDRESS)),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)"), re.compile(_ADDRESS)),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)_PROTO"), re.compile(r"tcp|udp|sctp")),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)_PORT"), re.compile(r"\d+")),
    (re.compile(r"(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)_ADDR"), re.compile(r"[0-9a-fA-F:.]+")),
)
"""Names, after our prefix, and values that Kubernetes makes for a Service."""


def check(known: Mapping[str, object]) -> None:
    """Raise ConfigError for variables with our prefix that set nothing, or the same thing twice.

    known: the keys at the top of the configuration.
    """
    seen: dict[str, str] = {}
    for name, value in _ours():
        if is_of_kubernetes(name, value):
            continue
        key = name[len(PREFIX) :].lower().split("__")[0]
        if key not in known:
            hint = suggestion(key, list(known))
            raise ConfigError(f"environment variable {name}: unknown key '{key}'.{hint}")
        other = seen.setdefault(name.upper(), name)
        if other != name:
            raise ConfigError(
                f"environment variables {other} and {name}: both set the same value. Remove one."
            )
        found = None if "RECEIVERS" in name.upper() else PLACEHOLDER.search(value)
        if found:
            raise ConfigError(
                f"environment variable {name}: holds {printable_line(found[0], 40)}, which nothing"
                " replaces here. Write the value itself."
            )


def tell_left_alone() -> None:
    """Say in a debug line which variables with our prefix Kubernetes made for a Service."""
    names = [name for name, value in _ours() if is_of_kubernetes(name, value)]
    if names:
        log.debug("variables that Kubernetes makes for a Service set nothing here", names=names)


def is_of_kubernetes(name: str, value: str) -> bool:
    """Whether Kubernetes makes such a variable, with such a value, for a Service."""
    rest = name[len(PREFIX) :]
    return any(n.fullmatch(rest) and v.fullmatch(value) for n, v in _SERVICE)


def _ours() -> Iterator[tuple[str, str]]:
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX):
            yield name, os.environ[name]


class Environment(EnvSettingsSource):
    """Reads values, sections as JSON; an object with the same key twice is refused."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """The value of one variable. Raises ValueError for what is no JSON."""
        return json.loads(value, object_pairs_hook=_once_each)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ConfigError(f"environment variables: {key}: the key is there twice in a value.")
        made[key] = value
    return made

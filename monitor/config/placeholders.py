"""Variables such as ${NAME} in a value: nothing replaces them here, so that they are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from monitor.errors import ConfigError
from monitor.process.text import printable_line

PLACEHOLDER: Final = re.compile(r"\$\{[A-Za-z_][^}]*\}|\$\([A-Za-z_][^)]*\)")
_PROGRAMS: Final = "arguments"
"""Of the receiver `command`: a program may know what such text means."""


def check(path: str, values: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first value that holds a placeholder. values: as YAML gave them."""
    for key, text in _texts("", values):
        found = PLACEHOLDER.search(text)
        if found:
            name = "AEAD_MONITOR_" + key.upper().replace(".", "__")
            raise ConfigError(
                f"{path}: {key}: holds {printable_line(found[0], 40)}, which nothing replaces here."
                f" Write the value itself, or set the environment variable {name}."
            )


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name != _PROGRAMS:
                yield from _texts(f"{key}.{name}" if key else str(name), item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(key, item)

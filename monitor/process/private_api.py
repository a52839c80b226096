"""Private parts of a library: whether they are where, and what, they were when it was tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from monitor.errors import LibraryError
from monitor.process.text import one_line

Kind = Callable[[Any], bool]
"""Says whether a part is what it is taken for: a class, a function, a number."""


@dataclass(frozen=True, slots=True)
class Library:
    """A library with parts that we use although it does not promise them.

    name: as pip knows it. module: as Python does; it has a `__version__`. tested: the version
    that our tests ran with.
    """

    name: str
    module: str
    tested: str

    @property
    def installed(self) -> str:
        """The version that is installed."""
        return str(getattr(import_module(self.module), "__version__", "of an unknown version"))

    def require(self, part: str, kind: Kind, known: Mapping[str, Any] | None = None) -> None:
        """Raise LibraryError unless the part is there and of that kind.

        part: `module:names`, as in an entry point; a name that ends in `()` is called. known:
        objects that may stand in the place of a module.
        """
        try:
            found = _find(part, known or {})
        except (ImportError, AttributeError, KeyError, TypeError) as error:
            raise self.lacks(part, f"is missing ({_line(error)})") from error
        if not kind(found):
            raise self.lacks(part, f"is not what it was ({_line(repr(found))})")

    def lacks(self, part: str, how: str) -> LibraryError:
        """What to tell the user of a part: which, in which version, and what to install."""
        return LibraryError(
            f"{self.name} {self.installed} does not fit: its private part {part} {how}."
            f" aead-monitor was tested with {self.name} {self.tested}; install that:"
            f" pip install '{self.name}=={self.tested}'"
        )


def _find(part: str, known: Mapping[str, Any]) -> Any:
    module, _, names = part.partition(":")
    found = known[module] if module in known else import_module(module)
    for name in names.split("."):
        bare = name.removesuffix("()")
        found = found[bare] if isinstance(found, Mapping) else getattr(found, bare)
        if bare != name:
            found = found()
    return found


def _line(what: object) -> str:
    return one_line(what)[:200]

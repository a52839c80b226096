"""The model registry: versions of a model, which of them is current, and how it came to be.

`embedded.py` keeps it in a folder, `mlflow.py` in an MLflow server; both keep the contract of
`Registry`. A version is the content hash of a bundle, so that it says all about what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from monitor.errors import RegistryError
from monitor.process.text import printable_line

CURRENT: Final = "current"
PREVIOUS: Final = "previous"
ALIASES: Final = (CURRENT, PREVIOUS)
LONGEST_TEXT: Final = 500
"""Most characters of a note, a reason or a name."""
UNREADABLE: Final = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    RegistryError,
)
"""What reading a document can raise that we have not written so."""
_VERSION: Final = re.compile(r"[0-9a-f]{16}")

Kind = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a bundle is, without opening it."""

    architecture: str
    threshold: float
    calibration_records: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """A bundle in the registry. added: ISO 8601, UTC."""

    version: str
    added: str
    aliases: tuple[str, ...]
    note: str
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of what is current. before: what was so until then. when: ISO 8601, UTC."""

    version: str
    before: str | None
    when: str
    by: str
    reason: str
    kind: Kind


class Registry(Protocol):
    """Keeps bundles and two aliases, `current` and `previous`.

    All raise RegistryError for what the user can put right, its subclass
    RegistryUnavailableError for what trying again may help with, and BundleError for a bundle
    that is damaged.
    """

    def add(self, folder: Path, note: str = "") -> str:
        """Verify a bundle, copy it in, return its version. Adding it again changes nothing."""

    def versions(self) -> list[Version]:
        """All versions, oldest first."""

    def resolve(self, alias: str) -> str | None:
        """The version behind CURRENT or PREVIOUS; cheap, to be asked every few seconds."""

    def fetch(self, version: str) -> Path:
        """A local folder with the bundle, verified; not to be written to."""

    def promote(self, version: str, reason: str, by: str) -> None:
        """What is current becomes previous, and the version current, in one step.

        Only a bundle that is whole is promoted. Promoting what is current changes nothing, so
        that a second try does no harm.
        """

    def rollback(self, reason: str, by: str) -> str:
        """Swap current and previous; returns what is current now."""

    def history(self) -> list[Promotion]:
        """All promotions and rollbacks that are kept, oldest first."""


def check_version(version: str) -> str:
    """The version, if it is 16 hex digits: nothing else ever becomes part of a path."""
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise RegistryError(f"{version!r:.80} is no version: a version is 16 of 0-9 and a-f")
    return version


def check_alias(alias: str) -> str:
    """The alias; ValueError if it is neither CURRENT nor PREVIOUS."""
    if alias not in ALIASES:
        raise ValueError(f"alias must be one of {', '.join(ALIASES)}, got {alias!r}")
    return alias


def one_line(text: str) -> str:
    """The text on one line of printable characters, cut at LONGEST_TEXT."""
    return printable_line(text, LONGEST_TEXT)


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def no_version(version: str, place: str) -> RegistryError:
    """The error for a version that is not there."""
    return RegistryError(
        f"{place} holds no version {version}. Add it: aead-monitor models add BUNDLE"
    )


def no_previous(place: str) -> RegistryError:
    """The error for a rollback without anything to go back to."""
    return RegistryError(
        f"{place} has no previous version to go back to. Choose one:"
        " aead-monitor models promote VERSION --reason TEXT"
    )


def promotion_json(promotion: Promotion) -> dict[str, Any]:
    """A promotion as JSON values."""
    return {name: getattr(promotion, name) for name in Promotion.__slots__}


def promotion_of(document: Mapping[str, Any]) -> Promotion:
    """The promotion that `promotion_json` wrote; raises one of UNREADABLE if it is none."""
    before, kind = document["before"], document["kind"]
    if kind not in ("promote", "rollback"):
        raise ValueError(f"kind {kind!r:.80} is neither promote nor rollback")
    return Promotion(
        version=check_version(document["version"]),
        before=None if before is None else check_version(before),
        when=datetime.fromisoformat(document["when"]).isoformat(),
        by=one_line(document["by"]),
        reason=one_line(document["reason"]),
        kind=kind,
    )

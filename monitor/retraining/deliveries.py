"""A retraining request on its way to its receivers: what may become of each delivery.

waiting -> delivered            taken
        -> waiting              not taken, tried again later
        -> parked               refused for good; `retry` has it tried again
held    -> waiting              a person said `retry`
any but delivered -> acknowledged    a person has taken care; nothing more is sent
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from monitor.process.text import printable_line

SCHEMA_VERSION: Final = 1
STATES: Final = ("waiting", "delivered", "parked", "held", "acknowledged")
OPEN: Final = ("waiting", "parked", "held")
LONGEST_TEXT: Final = 300
LONGEST_WAIT_SECONDS: Final = 3600.0
"""No delivery is ever put off for longer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request on its way to one receiver.

    next_attempt, delivered_at: seconds since the epoch. answer: what the receiver said when it
    took it, such as HTTP 202. last_error: why the last attempt failed.
    """

    state: str = "waiting"
    attempts: int = 0
    next_attempt: float = 0.0
    last_error: str = ""
    delivered_at: float | None = None
    answer: str = ""

    def due(self, now: float) -> bool:
        """Whether it should be tried now."""
        away = self.next_attempt - now
        clock_set_back = away > 2 * LONGEST_WAIT_SECONDS
        return self.state == "waiting" and (away <= 0 or clock_set_back)

    def delivered(self, answer: str, now: float) -> Delivery:
        """It was taken. That is true whatever a person said meanwhile."""
        return replace(
            self,
            state="delivered",
            attempts=self.attempts + 1,
            delivered_at=now,
            answer=short(answer),
            last_error="",
        )

    def failed(self, error: str, next_attempt: float | None) -> Delivery:
        """It was not taken. next_attempt: None parks it."""
        if self.state != "waiting":
            return self
        tried = replace(self, attempts=self.attempts + 1, last_error=short(error))
        if next_attempt is None:
            return replace(tried, state="parked")
        return replace(tried, next_attempt=next_attempt)

    def retried(self) -> Delivery:
        """A person wants it tried now."""
        return replace(self, state="waiting", next_attempt=0.0) if self.state in OPEN else self

    def acknowledged(self) -> Delivery:
        """A person has taken care of it."""
        return replace(self, state="acknowledged") if self.state in OPEN else self


@dataclass(frozen=True, slots=True)
class Kept:
    """A request and its deliveries. created: when it was put here, in seconds since the epoch."""

    document: Mapping[str, Any]
    created: float
    deliveries: Mapping[str, Delivery]

    @property
    def id(self) -> str:
        """The request's id."""
        return str(self.document["id"])

    @property
    def finished(self) -> bool:
        """Nothing more will be delivered unless a person says so."""
        return not any(delivery.state in OPEN for delivery in self.deliveries.values())

    def changed(self, names: tuple[str, ...], change: Callable[[Delivery], Delivery]) -> Kept:
        """With the deliveries of these receivers changed."""
        return replace(
            self,
            deliveries={
                name: change(delivery) if name in names else delivery
                for name, delivery in self.deliveries.items()
            },
        )


def begun(document: Mapping[str, Any], receivers: Mapping[str, bool], now: float) -> Kept:
    """A new request with its deliveries.

    receivers: name -> whether it waits for a person when the policy is to suggest.
    """
    suggests = document["policy"] == "suggest"
    deliveries = {
        name: Delivery("held" if suggests and holds else "waiting")
        for name, holds in receivers.items()
    }
    return Kept(document, now, deliveries)


def to_json(kept: Kept) -> dict[str, Any]:
    """As JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "created": kept.created,
        "document": dict(kept.document),
        "deliveries": {name: asdict(delivery) for name, delivery in kept.deliveries.items()},
    }


def from_json(stored: Any) -> Kept:
    """The inverse of `to_json`; raises ValueError, KeyError or TypeError."""
    if not isinstance(stored, dict) or stored["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}")
    document = stored["document"]
    if not isinstance(document, dict):
        raise ValueError("its document is not an object")
    for key in ("id", "policy", "model", "model_version", "reason", "timestamp"):
        if not isinstance(document[key], str):
            raise ValueError(f"its document's {key} is not text")
    deliveries = {str(name): _delivery(item) for name, item in stored["deliveries"].items()}
    return Kept(document, float(stored["created"]), deliveries)


def _delivery(item: Mapping[str, Any]) -> Delivery:
    if item["state"] not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}")
    at = item["delivered_at"]
    return Delivery(
        state=item["state"],
        attempts=int(item["attempts"]),
        next_attempt=float(item["next_attempt"]),
        last_error=short(str(item["last_error"])),
        delivered_at=None if at is None else float(at),
        answer=short(str(item["answer"])),
    )


def short(text: str) -> str:
    """One printable line of bounded length."""
    return printable_line(text, LONGEST_TEXT)

"""How often what was done becomes final."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a checkpoint is due: after some seconds or records, whichever comes first.

    recommit_seconds: after which the offsets of an idle stream are stored again, so that the
    broker does not forget them.
    """

    seconds: float = 5.0
    records: int = 100_000
    recommit_seconds: float = 600.0

"""ADWIN on log errors: an early signal, never an alarm.

Idea: ADWIN keeps a window of numbers as long as they seem to have one mean, and cuts it where two
parts differ (Bifet and Gavalda, Learning from time-changing data with adaptive windowing, SDM
2007). It compares the stream with its own past, not with the reference: it knows no tolerance,
sees no drift that was there from the first record on, and counts dependent records as if they
were independent. It is quick, though, where its assumptions hold. So it is shown beside the
verdict, and pages nobody.

A block knows its errors but not their order: they are given to ADWIN shuffled, with a seed that
depends on the block's place alone.

The implementation is River's (the extra `aead-monitor[adwin]`). Its memory does not survive a
restart of the daemon: it then begins anew. Cost: about 2 us a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from models.distribution import SMALLEST, bucket_values
from models.reference import Reference
from monitor.drift.blocks import Block
from monitor.drift.detectors import DetectorSettings
from monitor.drift.detectors.evidence import NOTHING, Evidence, Finding

CONFIDENCE: Final = 0.002
"""River's default. Lower is slower and surer."""
HOLD_TICKS: Final = 40.0
"""How long a change stays signalled."""
_LOG_VALUES: Final = np.log(np.maximum(bucket_values, SMALLEST))


class AdwinOnLogErrors:
    """Signals a change of the mean log error. Raises ValueError if River is not installed."""

    dependence = 1.0
    supported = 0.0
    ready = True
    progress = 1.0

    def __init__(self) -> None:
        try:
            from river.drift import ADWIN
        except ImportError:
            raise ValueError("adwin needs River: pip install 'aead-monitor[adwin]'") from None
        self._make: Callable[[], Any] = lambda: ADWIN(delta=CONFIDENCE)
        self._left = 0.0
        self.restart()

    @classmethod
    def of(cls, reference: Reference, settings: DetectorSettings) -> AdwinOnLogErrors:
        """The signal; it knows neither reference nor tolerance."""
        return cls()

    def anew(self) -> AdwinOnLogErrors:
        """As `Detector.anew`."""
        return AdwinOnLogErrors()

    def watch(self, block: Block, records: float, *, learn: bool) -> Evidence:
        """Add the block's mean; `records` has no meaning here, and is not used."""
        counts = block.counts
        values = np.repeat(_LOG_VALUES[counts.buckets], counts.counts)
        np.random.default_rng(block.start.rows).shuffle(values)
        self._left = max(0.0, self._left - block.ticks)
        for value in values.tolist():
            before = self._adwin.estimation
            self._adwin.update(value)
            if self._adwin.drift_detected:
                self._signal("larger" if self._adwin.estimation > before else "smaller")
        return Evidence(float(self._left > 0), 1.0)

    def _signal(self, direction: str) -> None:
        self._left = HOLD_TICKS
        self._finding = Finding(direction, f"the mean log error has become {direction} (ADWIN)")

    def begin_confirmation(self) -> None:
        """Nothing to prepare: it has one stage."""

    def confirm(self, block: Block, odds: float) -> Evidence:
        """The same as `watch`."""
        return self.watch(block, odds, learn=False)

    def finding(self) -> Finding:
        """The direction of the last change, while it is signalled."""
        return self._finding if self._left > 0 else NOTHING

    def restart(self) -> None:
        """Begin with an empty window."""
        self._adwin = self._make()
        self._left = 0.0
        self._finding = NOTHING

    def state(self) -> dict[str, Any]:
        """Nothing: it begins anew after a restart."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Begin anew."""
        self.restart()

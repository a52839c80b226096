"""Change: what is done to the records of a stream from some moment on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import UserError

Records = NDArray[Any]
Step = Callable[[Records], Records]
"""Records (n, *record_shape) as they come after the change: a copy of the same shape."""
Begin = Callable[[Records, np.random.Generator], Step]
"""Begins a change: from the last normal record, (*record_shape,), and what draws at random."""


@dataclass(frozen=True, slots=True)
class Change:
    """text: as a person named it. names: of the columns that it changes, as `models.views` has
    them; none if it is of no feature. begin: starts it in one stream."""

    text: str
    names: frozenset[str]
    begin: Begin


def stateless(step: Step) -> Begin:
    """Of a change that needs nothing of what came before, and draws nothing."""
    return lambda last, rng: step


def refused(text: str, why: str) -> UserError:
    """What to raise for the words of a change."""
    return UserError(f'--change "{text:.200}": {why}')

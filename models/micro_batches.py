"""How many rows a forward pass takes: as many as the processor's caches are good for.

A few rows of a large picture fill a cache: more of them only send its activations to memory and
back. Small records are the other way round: each pass costs some microseconds, whatever is in it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from models.engine import CpuEngine
from models.input_spec import InputSpec

MOST: Final = 4096
SMALL: Final = 1024
"""Values of a record up to which the choice hardly matters, so that nothing is measured."""
SECONDS: Final = 1.0
"""Of processor time: the longest measurement, but for one pass of one row."""
_DENSE_BYTES: Final = 4 << 20
_BYTES: Final = 8 << 20
_ACTIVATIONS: Final = 8
"""Memory of a convolutional network's activations, in records."""
_REPEATS: Final = 2
_CLEARLY: Final = 0.97
"""More rows must save so much of the time of a row, since they cost memory."""
_ENOUGH: Final = 1.5

Seconds = Callable[[], float]


def suited(engine: CpuEngine, spec: InputSpec) -> int:
    """The rows with which this engine is fastest on this machine: a power of two, at most MOST."""
    if math.prod(spec.shape) <= SMALL:
        return _by_size(engine, spec)
    # The other programs of a busy machine do not count, unless threads wait for each other.
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    return measured(lambda rows: _seconds(engine, spec, rows, clock))


def _by_size(engine: CpuEngine, spec: InputSpec) -> int:
    values = math.prod(spec.shape)
    if engine.width:
        fitting = _DENSE_BYTES // (4 * max(values, engine.width))
    else:
        fitting = _BYTES // (4 * _ACTIVATIONS * values)
    return int(min(MOST, 1 << (max(1, fitting).bit_length() - 1)))


def measured(seconds: Callable[[int], float], budget: float = SECONDS) -> int:
    """The power of two for which `seconds` of so many rows are the fewest per row.

    Ends when more rows are clearly slower, or would cost more than what is left of the budget.
    """
    rows = best_rows = 1
    best, left = math.inf, budget
    while True:
        each = seconds(rows) / rows
        left -= (_REPEATS + 1) * rows * each
        if each < _CLEARLY * best:
            best, best_rows = each, rows
        rows *= 2
        if rows > MOST or each > _ENOUGH * best or left < (_REPEATS + 1) * rows * each:
            return best_rows


def _seconds(engine: CpuEngine, spec: InputSpec, rows: int, clock: Seconds) -> float:
    """Seconds of a pass of records in the middle of their range."""
    middle = np.reshape(spec.offset, (-1, *(1,) * (len(spec.shape) - 1))).astype(np.float32)
    records = np.broadcast_to(middle, (rows, *spec.shape))
    before, engine.micro_batch = engine.micro_batch, rows
    try:
        return min(_timed(lambda: engine.errors(records), clock) for _ in range(_REPEATS + 1))
    finally:
        engine.micro_batch = before


def _timed(call: Callable[[], object], clock: Seconds) -> float:
    start = clock()
    call()
    return clock() - start

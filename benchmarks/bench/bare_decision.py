"""The least that gives the same figures for a batch, written down without a daemon around it.

Parser, scaling, network, mean squared errors in float64, p-values and flags, and the counts of
errors by bucket and partition. It refuses nothing, remembers nothing, and tells nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bench import bare
from benchmarks.bench.kinds import Kind
from benchmarks.bench.measuring import Work
from models.distribution import bucket_index
from models.reference import Reference

Decide = Callable[[Sequence[bytes], NDArray[np.int64]], object]


def decision(kind: Kind, reference: Reference, partitions: int) -> Decide:
    """A function of payloads and of their partitions (n,)."""
    parse, network = next(iter(bare.parsers(kind).values())), kind.network()
    spec, number = kind.spec, len(reference.errors)
    limit, unit = reference.threshold, reference.unit

    @torch.inference_mode()
    def decide(payloads: Sequence[bytes], partition: NDArray[np.int64]) -> object:
        x = torch.from_numpy(spec.prepare(parse(payloads)))
        squares = (network(x) - x).square().flatten(1)
        errors = squares.mean(1, dtype=torch.float64).numpy()
        ranks = np.searchsorted(reference.errors, errors)
        return (
            (number - ranks + 1) / (number + 1),
            errors > limit,
            np.unique(partition * 10_000 + bucket_index(errors / unit), return_counts=True),
            np.bincount(partition, minlength=partitions),
        )

    return decide


def deciding(kind: Kind, reference: Reference, payloads: list[bytes], partitions: int) -> Work:
    """The same on batches of the daemon's size, by turns."""
    decide = decision(kind, reference, partitions)
    ready = [payloads[i : i + bare.BATCH] for i in range(0, len(payloads), bare.BATCH)]
    partition, batches = np.arange(bare.BATCH) * partitions // bare.BATCH, cycle(ready)

    def call() -> int:
        batch = next(batches)
        decide(batch, partition[: len(batch)])
        return len(batch)

    return call

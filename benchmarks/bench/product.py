"""What is ours in one process, as the daemon builds it from a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench.kinds import Kind
from models.bundle import Bundle, load
from monitor.config import Config
from monitor.daemon.assembly.loaded_model import build_model
from monitor.pipeline.loaded_model import LoadedModel
from monitor.pipeline.outcome import Outcome
from monitor.pipeline.step import Pipeline
from monitor.stream.columns import Columns
from monitor.stream.records import Partition

START = 1_700_000_000_000
"""Time of the first record, in milliseconds since the epoch; each is a millisecond later."""


def model_of(kind: Kind, folder: Path, **sections: object) -> LoadedModel:
    """The model as the daemon uses it. sections: further ones of the configuration."""
    config = Config.model_validate(
        {
            "model": folder,
            "kafka": {"topic": "bench"},
            "codec": kind.codec_settings(),
            "device": "cpu",
            "threads": 1,
            **sections,
        }
    )
    return build_model(config, bundle_of(kind, folder))


def bundle_of(kind: Kind, folder: Path) -> Bundle:
    """The model in the folder, written there if it is not."""
    return load(folder) if folder.exists() else kind.save(folder)


def pipeline_of(model: LoadedModel) -> Pipeline:
    """The decision around a model."""
    return Pipeline(model.decode, model.scorer, model.judge)


def step(pipeline: Pipeline, columns: Columns) -> Outcome:
    """Decide on some records."""
    return pipeline.step(columns)


def decoded(model: LoadedModel, payloads: Sequence[bytes]) -> NDArray[Any]:
    """The rows of all payloads, as the pipeline makes them."""
    return model.decode.all(payloads).rows


class Stream:
    """Records without end, the same payloads by turns, in batches over all partitions.

    What a client gives is made beforehand, since it is the client's; offsets go on.
    """

    def __init__(self, payloads: list[bytes], partitions: int = 1) -> None:
        self._payloads = payloads
        self._partitions = tuple(Partition("bench", number) for number in range(partitions))
        self._next = np.zeros(partitions, dtype=np.int64)
        self._sent = 0

    def batch(self, records: int) -> Columns:
        """The next records, evenly over the partitions, one partition after the other."""
        shares = np.full(len(self._partitions), records // len(self._partitions))
        shares[: records % len(self._partitions)] += 1
        parts = [self._part(i, int(share)) for i, share in enumerate(shares) if share]
        return Columns.joined(parts)

    def _part(self, index: int, records: int) -> Columns:
        first, count = int(self._next[index]), len(self._payloads)
        self._next[index] += records
        places = range(self._sent, self._sent + records)
        self._sent += records
        return Columns.consecutive(
            self._partitions[index],
            range(first, first + records),
            [START + place for place in places],
            [self._payloads[place % count] for place in places],
            [None] * records,
            [()] * records,
        )

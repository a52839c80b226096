"""Tries a model on a few rows before it is used, and warms it up with them.

The rows are made from the model's input spec: a record in the middle of what it was trained on,
and some random ones around it. They go the whole way, through codec, limits and scorer. What
errors they should have nobody knows, since a bundle holds no records; but they must be finite,
and the same in a batch as alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.input_spec import InputSpec
from models.sample_rows import ROWS, rows_of
from monitor.codecs import Codec
from monitor.codecs.many import CannotEncodeError
from monitor.errors import DecodeError, ProbeError
from monitor.pipeline.scored import Decode, RowScorer

SAME: Final = 0.01
"""Largest difference between the error of a row in a batch and alone, relative to the larger of
that error and the largest one: rounding comes to a thousandth of it."""


def probe(decode: Decode, scorer: RowScorer, codec: Codec, payload_shape: tuple[int, ...],
          spec: InputSpec) -> None:  # fmt: skip
    """Score a few rows as if they had come from the topic.

    codec: whose payloads `decode` reads. payload_shape: of one row in them. Raises ProbeError.
    """
    rows = _decoded(_payloads(rows_of(spec), spec), decode, codec, payload_shape)
    rows = rows.reshape(ROWS, *spec.record_shape)
    together = scorer.score(rows).reconstruction_error
    if together.shape != (ROWS,) or not np.isfinite(together).all() or together.min() < 0:
        raise ProbeError(
            "the model gives no finite error for records in the range of its training data."
            " Train it again."
        )
    alone = np.concatenate(
        [scorer.score(rows[i : i + 1]).reconstruction_error for i in range(ROWS)]
    )
    if np.abs(together - alone).max() > SAME * together.max():
        raise ProbeError(
            "the model's error of a record depends on the records beside it. Train it again."
        )


def _payloads(rows: NDArray[Any], spec: InputSpec) -> NDArray[Any]:
    """What the messages carry of rows: steps of series that windows are made of, else the rows."""
    return rows if spec.window is None else rows.reshape(-1, *spec.payload_shape)


def _decoded(
    rows: NDArray[Any], decode: Decode, codec: Codec, payload_shape: tuple[int, ...]
) -> NDArray[Any]:
    """The rows after a journey as payloads."""
    try:
        payloads = [codec.encode(row.reshape(payload_shape)) for row in rows]
        return np.concatenate([decode(payload) for payload in payloads])
    except CannotEncodeError:
        return rows
    except (DecodeError, ValueError) as error:
        if isinstance(error, DecodeError) and error.reason == "oversized":
            return rows  # noise takes more bytes than the records that the limit was set for
        raise ProbeError(f"a record as the model takes it cannot be decoded: {error}.") from error

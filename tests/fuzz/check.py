"""The guarantee: each payload ends as rows or as one DecodeError, soon and in little memory.

In a batch it ends as it does alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.codecs import CODECS, Codec, CodecSettings
from monitor.codecs.decoding import Decoder, Limits, decode_payload
from monitor.errors import REASONS, DecodeError
from tests.asked import Asked
from tests.pace import is_within

MAX_ANCHORS = 22.0
"""Of one core's time, in times of the anchor of tests/pace.py: a second on a quiet machine."""
SPARE_BYTES = 8 * 2**20
BYTES_PER_BYTE = 60
"""Memory that a payload may take: the spare ones, and so many for each of its own."""
MAX_MESSAGE = 400
ROWS: Asked[Callable[[CodecSettings], str | None]] = Asked(
    "tests/fuzz/check.py: add the type of the rows of codec {} to ROWS",
    {
        "json": lambda _: "float64",
        "json-schema": lambda _: "float64",
        "raw": lambda settings: settings.dtype,
        "npy": lambda _: None,
        "image": lambda settings: settings.dtype,
        "msgpack": lambda _: "float64",
        "avro": lambda _: "float64",
        "protobuf": lambda _: "float64",
        "arrow": lambda settings: "float64" if settings.features.names else None,
    },
)
"""numpy's name of the type that rows have; None if the payload says."""
DEFAULT_LIMITS = Limits(max_record_bytes=8 * 2**20, max_rows=4096)
"""Those of the configuration."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A codec as somebody may have configured it."""

    codec: str
    settings: CodecSettings
    limits: Limits = DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a payload ended. ending: "rows", or the reason. seconds: of one core. grown: bytes."""

    ending: str
    seconds: float
    grown: int


@dataclass(frozen=True, slots=True)
class Meter:
    """Time and memory since it was made. Where Linux forbids it, only new records in memory."""

    started: float = field(default_factory=time.thread_time)
    memory: int = field(default_factory=lambda: reset_peak())

    def grown(self) -> int:
        """Most bytes that were held at once beyond those held at the start."""
        return peak_bytes() - self.memory


def check(variant: Variant, value: bytes | None) -> Verdict:
    """Decode one payload. Fails, or raises what the codec raised, if the guarantee is broken."""
    return check_with(_codec(variant), variant, value)


def check_with(codec: Codec, variant: Variant, value: bytes | None) -> Verdict:
    """`check` with a codec of one's own."""
    meter = Meter()
    end = _decoded(codec, value, variant)
    seconds = time.thread_time() - meter.started
    ending = _reason(end) if isinstance(end, DecodeError) else _rows(variant, value, end)
    verdict = Verdict(ending, seconds, meter.grown())
    allowed = SPARE_BYTES + BYTES_PER_BYTE * len(value or b"")
    soon = is_within(MAX_ANCHORS, lambda: _decoded(codec, value, variant), seconds)
    assert soon, f"{verdict} for {variant}"
    assert verdict.grown < allowed, f"{verdict}, {allowed} bytes allowed, for {variant}"
    _check_batch(codec, value, variant, end)
    return verdict


def _check_batch(
    codec: Codec, value: bytes | None, variant: Variant, alone: NDArray[Any] | DecodeError
) -> None:
    """In a batch, a payload ends as it does alone; the same guarantee holds for its time."""
    meter = Meter()
    decoder = Decoder(codec, variant.limits, None, variant.settings.features, variant.codec)
    decoded = decoder.all([value])
    seconds, grown = time.thread_time() - meter.started, meter.grown()
    if isinstance(alone, DecodeError):
        together = decoded.failures[0]
        same = (together.reason, str(together)) == (alone.reason, str(alone))
        assert same, f"alone {alone.reason}, {alone}; in a batch {together.reason}, {together}"
    else:
        assert decoded.counts.tolist() == [len(alone)]
        assert (decoded.rows.dtype, decoded.rows.shape) == (alone.dtype, alone.shape)
        assert decoded.rows.tobytes() == alone.tobytes()
    soon = is_within(2 * MAX_ANCHORS, lambda: decoder.all([value]), seconds)
    assert soon, f"{seconds} seconds in a batch"
    assert grown < SPARE_BYTES + BYTES_PER_BYTE * len(value or b""), f"{grown} bytes in a batch"


def _decoded(codec: Codec, value: bytes | None, variant: Variant) -> NDArray[Any] | DecodeError:
    features = variant.settings.features
    try:
        return decode_payload(codec, value, variant.limits, features, variant.codec)
    except DecodeError as error:
        return error


def _reason(error: DecodeError) -> str:
    message = str(error)
    assert error.reason in REASONS, error.reason
    assert 0 < len(message) <= MAX_MESSAGE, message
    message.encode()  # it goes into a message of its own
    return error.reason


def _rows(variant: Variant, value: bytes | None, rows: NDArray[Any]) -> str:
    limits, shape = variant.limits, variant.settings.record_shape
    assert value is not None
    assert len(value) <= limits.max_record_bytes
    assert rows.shape[1:] == shape, rows.shape
    assert 1 <= len(rows) <= limits.max_rows, rows.shape
    assert _is_right(variant, rows.dtype), rows.dtype
    known = np.isfinite(rows)
    features = variant.settings.features
    assert known.all() or (known | (np.isnan(rows) & features.may_be_missing)).all()
    return "rows"


def _is_right(variant: Variant, dtype: np.dtype[Any]) -> bool:
    """One of numpy's own numbers, in this machine's byte order; which one, where it is known."""
    plain = dtype.kind in "uif" and dtype.itemsize <= 8 and dtype.isnative
    return plain and ROWS[variant.codec](variant.settings) in (None, dtype.name)


@cache
def _codec(variant: Variant) -> Codec:
    return CODECS[variant.codec](variant.settings)


def reset_peak() -> int:
    """Forget the peak of this process' memory; returns what it holds now."""
    with suppress(OSError):
        os.write(_descriptor("/proc/self/clear_refs", os.O_WRONLY), b"5")
    return peak_bytes()


def peak_bytes() -> int:
    """Most bytes that this process has held in memory since the peak was forgotten."""
    status = os.pread(_descriptor("/proc/self/status", os.O_RDONLY), 4096, 0)
    return int(status.partition(b"VmHWM:")[2].split(maxsplit=1)[0]) * 1024


@cache
def _descriptor(path: str, flags: int) -> int:
    """Opened once and left open: this is read twice for each payload."""
    return os.open(Path(path), flags)

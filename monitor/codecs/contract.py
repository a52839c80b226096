"""What every codec must keep, for the tests of those who write one.

    from monitor.codecs.contract import check

    def test_the_codec_keeps_the_contract():
        check(MyCodec(CodecSettings((3,))), rows=np.random.default_rng(0).normal(size=(20, 3)))

Rows come back as they were sent. Whatever else the bytes are, they end as rows or as one
DecodeError, soon; and in a batch as they do alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.schema import Schema
from monitor.codecs import Codec
from monitor.codecs.decoding import NO_NAMES, Decoder, Limits, decode_payload
from monitor.errors import REASONS, DecodeError

LIMITS: Final = Limits(max_record_bytes=2**20, max_rows=100)
MAX_SECONDS: Final = 1.0
"""Of one core, for one payload, at the best of a few tries."""
_TRIES: Final = 4
"""Python's own pauses (collecting garbage) count too, but do not come each time."""
MAX_MESSAGE: Final = 400
_BATCH: Final = 16

End = NDArray[Any] | DecodeError


class ContractError(AssertionError):
    """A codec that breaks the contract. The text says with which payload."""


def check(
    codec: Codec,
    rows: NDArray[Any],
    payloads: Sequence[bytes] = (),
    features: Schema = NO_NAMES,
    edits: int = 500,
    seed: int = 0,
) -> None:
    """Raise ContractError unless the codec keeps the contract.

    rows: (n, *record_shape) that it carries. payloads: further ones that it reads. features: the
    model's, if they have names. edits: damaged payloads to try; seed: which.
    """
    good = [codec.encode(row) for row in rows]
    for row, value in zip(rows, good, strict=True):
        end = _end(codec, value, features)
        if isinstance(end, DecodeError):
            raise ContractError(f"a row that was encoded is refused: {end} ({value!r:.200})")
        if not np.array_equal(end, row[np.newaxis], equal_nan=True):
            raise ContractError(f"a row does not come back as it was sent ({value!r:.200})")
    for value in payloads:
        if isinstance(_end(codec, value, features), DecodeError):
            raise ContractError(f"a payload that is all right is refused ({value!r:.200})")
    values = [*good, *payloads, *_damaged([*good, *payloads], edits, Random(seed))]  # noqa: S311
    ends = [_end(codec, value, features) for value in values]
    for value, end in zip(values, ends, strict=True):
        _check_end(end, rows.shape[1:], value)
    for start in range(0, len(values), _BATCH):
        part = slice(start, start + _BATCH)
        _check_batch(codec, values[part], ends[part], features)


def _end(codec: Codec, value: bytes, features: Schema) -> End:
    for _ in range(_TRIES):
        began = time.thread_time()
        end = _decoded(codec, value, features)
        if time.thread_time() - began <= MAX_SECONDS:
            return end
    raise ContractError(f"more than {MAX_SECONDS:g} seconds ({value!r:.200})")


def _decoded(codec: Codec, value: bytes, features: Schema) -> End:
    try:
        return decode_payload(codec, value, LIMITS, features)
    except DecodeError as error:
        return error
    except Exception as error:
        raise ContractError(f"{error!r:.200} instead of DecodeError ({value!r:.200})") from error


def _check_end(end: End, shape: tuple[int, ...], value: bytes) -> None:
    if isinstance(end, DecodeError):
        if end.reason not in REASONS or not 0 < len(str(end)) <= MAX_MESSAGE:
            raise ContractError(f"reason or length of {str(end)!r:.80} ({value!r:.200})")
        return
    if end.shape[1:] != shape or not len(end):
        raise ContractError(f"rows of shape {end.shape}, not (n, *{shape}) ({value!r:.200})")
    if end.dtype.kind not in "uif" or not end.dtype.isnative:
        raise ContractError(f"rows of type {end.dtype}, which is no native number")


def _check_batch(
    codec: Codec, values: Sequence[bytes], ends: Sequence[End], features: Schema
) -> None:
    decoded = Decoder(codec, LIMITS, schema=features).all(values)
    at = 0
    for i, end in enumerate(ends):
        count = int(decoded.counts[i])
        if isinstance(end, DecodeError):
            other = decoded.failures.get(i)
            same = other is not None and (other.reason, str(other)) == (end.reason, str(end))
        else:
            found = decoded.rows[at : at + count]
            same = count == len(end) and np.array_equal(found, end, equal_nan=True)
        if not same:
            raise ContractError(f"in a batch it ends otherwise than alone ({values[i]!r:.200})")
        at += count


def _damaged(good: Sequence[bytes], edits: int, rng: Random) -> Iterator[bytes]:
    """Random bytes, and payloads that were cut, changed, repeated and joined."""
    for _ in range(edits):
        value = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 3)):
            at, length = rng.randrange(len(value) + 1), rng.randint(0, 8)
            new: Iterable[int] = rng.choice(
                (rng.randbytes(length), b"\xff" * length, bytes(length), b"", value[:at])
            )
            value[at : at + length] = bytes(new)
        yield rng.choice((bytes(value), bytes(value[: rng.randrange(len(value) + 1)]))) or b"\0"

"""From payload to rows: the checks that hold for every codec."""

import numpy as np
import pytest

from models.schema import Feature, Schema
from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Limits, decode_payload, decoder
from monitor.errors import REASONS, DecodeError

ROW_BYTES = 8
LIMITS = Limits(max_record_bytes=4 * ROW_BYTES, max_rows=3)
CODEC = CODECS["raw"](CodecSettings((2,), "float32", rows="many"))


def payload(*rows):
    return np.array(rows, dtype=np.float32).tobytes()


@pytest.mark.parametrize(
    ("value", "reason", "text"),
    [
        (None, "tombstone", "no value"),
        (b"", "empty", "no bytes"),
        (payload(*[[0, 0]] * 5), "oversized", "40 bytes, more than 32"),
        (payload(*[[0, 0]] * 4), "too_many_rows", "4 rows, more than 3"),
        (payload([0, 1])[:-1], "wrong_shape", "7 bytes are not a multiple of 8"),
        (payload([1, np.nan]), "non_finite", "1 of 2 numbers are NaN or infinite"),
        (payload([1, 2], [np.inf, -np.inf]), "non_finite", "2 of 4 numbers"),
    ],
)
def test_what_cannot_be_scored_has_a_reason_and_a_text(value, reason, text):
    with pytest.raises(DecodeError, match=text) as caught:
        decode_payload(CODEC, value, LIMITS)
    assert caught.value.reason == reason


def test_limits_are_inclusive():
    rows = decode_payload(CODEC, payload(*[[1, 2]] * 3), LIMITS)
    assert rows.tolist() == [[1, 2]] * 3
    assert len(decode_payload(CODEC, bytes(32), Limits(32, 4))) == 4


def test_an_oversized_payload_never_reaches_the_codec():
    class Untouchable:
        def decode(self, value):
            raise AssertionError("decoded")

        def encode(self, row):
            raise AssertionError("encoded")

    with pytest.raises(DecodeError):
        decode_payload(Untouchable(), bytes(33), LIMITS)


def test_flat_rows_are_brought_to_the_shape_of_the_model():
    codec = CODECS["json"](CodecSettings((4,)))
    decode = decoder(codec, Limits(1000, 10), flat_to=(2, 2))
    assert decode(b"[1, 2, 3, 4]").tolist() == [[[1, 2], [3, 4]]]


def test_a_reason_is_one_of_the_closed_set():
    assert DecodeError(REASONS[0], "text").reason == REASONS[0]
    with pytest.raises(ValueError, match="unknown reason 'bad luck'"):
        DecodeError("bad luck", "text")


SCHEMA = Schema((Feature("temp"), Feature("flow", missing=True)))


@pytest.mark.parametrize(
    ("row", "reason", "text"),
    [
        ([1, np.nan], None, ""),
        ([np.nan, 1], "missing_value", "'temp' is NaN"),
        ([np.nan, np.nan], "missing_value", "'temp' is NaN"),
        ([1, np.inf], "non_finite", "'flow' is infinite"),
        ([np.nan, -np.inf], "non_finite", "'flow' is infinite"),
    ],
)
def test_nan_passes_only_where_a_value_may_be_missing(row, reason, text):
    decode = decoder(CODEC, LIMITS, schema=SCHEMA)
    decoded = decode.all([payload([1, 2]), payload(row), payload([3, 4])])
    assert decoded.counts.tolist() == [1, int(reason is None), 1]
    if reason is None:
        np.testing.assert_array_equal(decode(payload(row)), [row])
        return
    with pytest.raises(DecodeError, match=text) as caught:
        decode(payload(row))
    assert caught.value.reason == decoded.failures[1].reason == reason


def test_nan_in_any_of_many_rows_takes_the_record_with_it():
    decode = decoder(CODEC, LIMITS, schema=SCHEMA)
    decoded = decode.all([payload([1, 2], [np.nan, 2]), payload([1, np.nan], [2, 3])])
    assert decoded.counts.tolist() == [0, 2]

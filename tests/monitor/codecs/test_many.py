"""A batch ends exactly as its payloads do one by one."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.errors import DecodeError
from tests.fuzz.payloads import mutated
from tests.fuzz.seeds import VARIANTS, seeds

MANY = sorted(CODECS)
every_codec = pytest.mark.parametrize("name", MANY)


def one_by_one(decode, values):
    """Rows, counts and failures of payloads that are decoded alone."""
    parts, counts, failures = [], [], {}
    for i, value in enumerate(values):
        try:
            parts.append(decode(value))
            counts.append(len(parts[-1]))
        except DecodeError as error:
            counts.append(0)
            failures[i] = (error.reason, str(error))
    return np.concatenate(parts) if parts else np.empty((0,)), counts, failures


def assert_same(decode, values):
    rows, counts, failures = one_by_one(decode, values)
    decoded = decode.all(values)
    assert {i: (e.reason, str(e)) for i, e in decoded.failures.items()} == failures
    assert decoded.counts.dtype == np.int64
    assert decoded.counts.tolist() == counts
    assert (decoded.rows.dtype, decoded.rows.shape) == (rows.dtype, rows.shape)
    assert decoded.rows.dtype.isnative
    assert decoded.rows.flags.writeable
    assert decoded.rows.tobytes() == rows.tobytes()


@st.composite
def batches(draw, name):
    """A codec with its limits, and payloads that are good, edited, or no payloads at all."""
    variant = draw(st.sampled_from(VARIANTS[name]))
    most = min(variant.limits.max_record_bytes, 4096)
    good = st.sampled_from(seeds(variant))
    edited = st.builds(
        lambda value, seed: mutated(Random(seed), name, value), good, st.integers(0, 2**32)
    )
    nothing = st.sampled_from([None, b"", bytes(most + 1)])
    values = draw(st.lists(good | good | edited | nothing | st.binary(max_size=64), max_size=12))
    limits = Limits(most, draw(st.sampled_from([1, 2, variant.limits.max_rows])))
    return Decoder(CODECS[name](variant.settings), limits), values


@every_codec
@given(data=st.data())
def test_a_batch_ends_as_its_payloads_do_one_by_one(name, data):
    decode, values = data.draw(batches(name))
    assert_same(decode, values)
    assert_same(decode, data.draw(st.permutations(values)))


def test_each_payload_of_a_batch_has_its_own_reason():
    good, bad = np.float32([1, 2]), np.float32([1, np.nan])
    payloads = [good, bad, [good] * 4, [good, bad], [good] * 3, [good] * 9, good]
    values = [np.array(rows, np.float32).tobytes() for rows in payloads]
    values[3:3] = [None, b"", b"odd"]
    decode = Decoder(
        CODECS["raw"](CodecSettings((2,), rows="many")), Limits(max_record_bytes=64, max_rows=3)
    )
    assert_same(decode, values)
    decoded = decode.all(values)
    assert {i: error.reason for i, error in decoded.failures.items()} == {
        1: "non_finite",
        2: "too_many_rows",
        3: "tombstone",
        4: "empty",
        5: "wrong_shape",
        6: "non_finite",
        8: "oversized",
    }
    np.testing.assert_array_equal(decoded.rows, [good] * 5)
    assert decoded.counts.tolist() == [1, 0, 0, 0, 0, 0, 0, 3, 0, 1]


@every_codec
@given(data=st.data())
def test_equal_payloads_decode_to_equal_rows(name, data):
    decode, values = data.draw(batches(name))
    for value in values[:3]:
        assert_same(decode, [value] * 5)

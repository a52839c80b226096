"""What holds for every codec, whatever a producer sends."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Limits, decode_payload
from monitor.errors import REASONS, DecodeError
from tests.kafka.payloads import BAD, bad, sent_as
from tests.kafka.payloads import REASONS as EXPECTED
from tests.monitor.codecs.carried import CARRIED

LIMITS = Limits(max_record_bytes=2**20, max_rows=100)

every_codec = pytest.mark.parametrize("name", sorted(CODECS))


def build(name, shape=(8, 6), dtype="uint8"):
    return CODECS[name](CodecSettings(shape, dtype))


@st.composite
def rows(draw, name):
    carried = CARRIED[name]
    shape = draw(st.sampled_from(carried.shapes))
    dtype = np.dtype(draw(st.sampled_from(carried.dtypes)))
    kwargs = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    return draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype, **kwargs)))


@every_codec
@given(data=st.data())
def test_a_row_comes_back_as_it_was_sent(name, data):
    row = data.draw(rows(name))
    codec = build(name, row.shape, row.dtype.name)
    decoded = decode_payload(codec, codec.encode(row), LIMITS)
    np.testing.assert_array_equal(decoded, row[np.newaxis])
    assert decoded.dtype.isnative


@every_codec
@given(value=st.binary(max_size=400))
def test_random_bytes_give_rows_or_a_reason(name, value):
    assert_rows_or_reason(name, value)


@every_codec
@given(data=st.data())
def test_damaged_payloads_give_rows_or_a_reason(name, data):
    row = np.arange(48, dtype=np.uint8).reshape(8, 6)
    payload = bytearray(build(name).encode(row))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(0, len(payload) - 1)))
        length = data.draw(st.integers(0, 4))
        payload[place : place + length] = data.draw(st.binary(max_size=4))
    assert_rows_or_reason(name, bytes(payload))


@every_codec
def test_truncated_payloads_give_rows_or_a_reason(name):
    payload = build(name).encode(np.arange(48, dtype=np.uint8).reshape(8, 6))
    for length in range(len(payload)):
        assert_rows_or_reason(name, payload[:length])


def assert_rows_or_reason(name, value):
    try:
        decoded = decode_payload(build(name), value, LIMITS)
    except DecodeError as error:
        assert error.reason in REASONS
        assert 0 < len(str(error)) <= 400
    else:
        assert decoded.shape[1:] == (8, 6)
        assert 1 <= len(decoded) <= LIMITS.max_rows
        assert decoded.dtype.kind in "uif"
        assert np.isfinite(decoded).all()


@every_codec
@pytest.mark.parametrize("kind", BAD)
def test_each_kind_of_bad_payload_has_its_reason(name, kind):
    codec = build(name, (28, 28), sent_as(name))
    with pytest.raises(DecodeError) as caught:
        decode_payload(codec, bad(kind, name), LIMITS)
    assert caught.value.reason == EXPECTED[name][kind]


@every_codec
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_never_loaded(name, protocol):
    value = pickle.dumps(Trap(), protocol)
    value += bytes(-len(value) % 48 + 1)  # no multiple of a row, or `raw` could not tell
    with pytest.raises(DecodeError) as caught:
        decode_payload(build(name), value, LIMITS)
    assert caught.value.reason in ("undecodable", "wrong_shape")


class Trap:
    """Fails the test that unpickles it."""

    def __reduce__(self):
        return pytest.fail, ("a payload was unpickled",)


HUNGRY = {
    "lists": b"[" + b"[]," * 20_000 + b"[]]",
    "deep lists": b"[" * 60_000,
    "deep and closed": b"[" * 500 + b"]" * 500,
    "one long string among many": b'["' + b"a" * 40_000 + b'"' + b',"b"' * 5_000 + b"]",
    "a claim of 8 TB": b"\x93NUMPY\x01\x00\x46\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,8,6)}",
    "a decompression bomb": bad("decompression bomb", "image"),
}


@every_codec
@pytest.mark.parametrize("kind", HUNGRY)
def test_no_payload_takes_much_more_memory_than_its_size(name, kind):
    value, codec = HUNGRY[kind], build(name)
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode_payload(codec, value, LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000 + 60 * len(value)

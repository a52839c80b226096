"""Raw payloads."""

import numpy as np
import pytest

from monitor.codecs import CodecSettings
from monitor.codecs.raw import RawCodec
from monitor.errors import DecodeError


def test_a_multiple_of_a_row_is_many_rows():
    rows = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    codec = RawCodec(CodecSettings((2, 3), "float32"))
    np.testing.assert_array_equal(codec.decode(rows.tobytes()), rows)


@pytest.mark.parametrize(("byte_order", "payload"), [("little", b"\x01\x02"), ("big", b"\x02\x01")])
def test_the_byte_order_is_the_configured_one(byte_order, payload):
    codec = RawCodec(CodecSettings((1,), "uint16", byte_order))
    assert codec.decode(payload).tolist() == [[0x0201]]
    assert codec.encode(np.array([0x0201], np.uint16)) == payload


def test_a_wrong_length_is_the_wrong_shape_and_says_the_right_one():
    codec = RawCodec(CodecSettings((28, 28), "float32"))
    with pytest.raises(DecodeError, match="784 bytes are not a multiple of 3136") as caught:
        codec.decode(bytes(784))
    assert caught.value.reason == "wrong_shape"


@pytest.mark.parametrize("dtype", ["bool", "complex64", "object", "float128", "<f4", "nonsense"])
def test_only_plain_numbers_can_be_configured(dtype):
    with pytest.raises(ValueError, match="dtype must be one of uint8, "):
        RawCodec(CodecSettings((2,), dtype))

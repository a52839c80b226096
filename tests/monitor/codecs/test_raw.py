"""Raw payloads."""

import numpy as np
import pytest

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.headers import DTYPE, headers_of
from monitor.codecs.raw import DTYPES, RawCodec
from monitor.errors import DecodeError


def raw(shape=(2,), dtype="float32", byte_order="little", rows="one"):
    return RawCodec(CodecSettings(shape, dtype, byte_order, rows=rows))


def test_a_multiple_of_a_row_is_many_rows_where_the_configuration_says_so():
    rows = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    np.testing.assert_array_equal(raw((2, 3), rows="many").decode(rows.tobytes()), rows)


@pytest.mark.parametrize(
    ("codec", "sent", "text"),
    [
        (raw(), np.zeros(2), "16 bytes: 2 rows of float32, or one of float64: set codec.dtype:"
         " float64, or codec.rows: many"),
        (raw(), np.zeros((3, 2), np.float32), "24 bytes: 3 rows of float32, or codec.rows: many"),
        (raw(), np.zeros(2, np.float16), "not a multiple of 8, .*; they are one of float16"),
        (raw(), np.zeros(2, np.uint8), "they are one of uint8|they are one of int8"),
        (raw((2,), "uint8"), np.zeros(2), "16 bytes: 8 rows of uint8, or one of float64"),
        (raw((2,), "int32"), np.zeros(2, np.int64), "or one of int64: set codec.dtype: int64"),
        (raw((2,), "uint8"), np.zeros(2, np.float32), "8 bytes: 4 rows of uint8, or one of"),
        (raw((4, 5), "uint8"), np.zeros((4, 5, 3), np.uint8), "3 rows of uint8, or one picture of 3"
         " channels, of which the model takes fewer, or codec.rows: many"),
        (raw((4, 5), "float32"), np.zeros((4, 5, 3), np.float32), "one picture of 3 channels"),
        (raw((4, 5), "uint8"), np.zeros((4, 5), np.float32), "or one of .*32: set codec.dtype"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("together", [False, True])
def test_what_is_as_long_as_several_rows_is_refused_with_its_likely_cause(
    codec, sent, text, together
):
    value = sent.tobytes()
    if together:
        assert codec.decode_many([value, value]).counts.tolist() == [0, 0]
    with pytest.raises(DecodeError, match=text) as caught:
        codec.decode(value)
    assert caught.value.reason == "wrong_shape"


HEADERS = {"<f8": [1.5, -2], ">f4": [1.5, -2], "|u1": [3, 4], ">i2": [-3, 4], "<f2": [0.5, 2]}


@pytest.mark.parametrize("told", HEADERS)
def test_a_header_says_type_and_byte_order(told):
    row = np.array(HEADERS[told], np.dtype(told))
    decode = Decoder(raw(), Limits(100, 1))
    headers = [("other", b"x"), (DTYPE, b"<f4"), (DTYPE, told.encode())]
    np.testing.assert_array_equal(decode(row.tobytes(), headers), [HEADERS[told]])
    for each in (headers, tuple(headers)):
        decoded = decode.all([row.tobytes()] * 3, [each] * 3)
        np.testing.assert_array_equal(decoded.rows, [HEADERS[told]] * 3)
        assert decoded.rows.dtype.isnative


def test_each_record_goes_by_its_own_header():
    double, single = np.array([[1.5, 2], [3, 4]]), np.array([[5, 6], [7, 8]], np.float32)
    values = [double[0], single[0], double[1], single[1], single[0], double[0], double[0]]
    told = [b"<f8", None, b"<f8", b"<f4", b"<f8", b"float64", None]
    headers = [() if text is None else ((DTYPE, text),) for text in told]
    headers[1] = None  # as one client says that there are none
    decode = Decoder(raw(), Limits(100, 1))
    payloads = [value.tobytes() for value in values]
    decoded = decode.all(payloads, headers)
    np.testing.assert_array_equal(decoded.rows, [[1.5, 2], [5, 6], [3, 4], [7, 8]])
    assert decoded.counts.tolist() == [1, 1, 1, 1, 0, 0, 0]
    assert {i: error.reason for i, error in decoded.failures.items()} == {
        4: "wrong_shape", 5: "undecodable", 6: "wrong_shape",
    }  # fmt: skip
    assert "by the header aead-dtype" in str(decoded.failures[4])
    assert "'float64'" in str(decoded.failures[5])
    for value, header, count in zip(payloads, headers, decoded.counts, strict=True):
        if count:
            assert len(decode(value, header or ())) == count


@pytest.mark.parametrize("text", [b"", b"<c8", b"O", b"<f4,<f4", b"\xff", b"x" * 10**6, None])
def test_another_header_is_a_dead_letter_or_says_nothing(text):
    decode = Decoder(raw(), Limits(100, 1))
    value = np.zeros(2, np.float32).tobytes()
    decoded = decode.all([value, value], [[(DTYPE, text)], []])
    assert decoded.counts.tolist() == [int(text is None), 1]
    if text is not None:
        assert len(str(decoded.failures[0])) < 400


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_what_is_sent_with_its_header_is_read_as_it_was(dtype, byte_order):
    codec = raw(dtype=dtype, byte_order=byte_order)
    row = np.array([1, 2], dtype)
    ((name, told),) = headers_of(codec)
    decode = Decoder(raw((2,), "float32"), Limits(100, 1))
    rows = decode(codec.encode(row), [(name, told)])
    np.testing.assert_array_equal(rows, [row])
    assert rows.dtype == dtype


def test_a_codec_that_heeds_no_header_has_none_to_send():
    assert headers_of(CODECS["json"](CodecSettings((2,)))) == []


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

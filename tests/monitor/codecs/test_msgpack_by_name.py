"""MessagePack maps by the names of the features."""

import msgpack
import numpy as np
import pytest

from models.schema import Feature, Schema
from monitor.codecs import CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.msgpack import MsgpackCodec
from monitor.errors import DecodeError
from tests.fuzz.check import Variant, check
from tests.fuzz.msgpack_bombs import BOMBS

PAIR = Schema.numbers(("temp", "pressure"))
MIXED = Schema(
    (
        Feature("temp"),
        Feature("motor.rpm", missing=True),
        Feature("state", "category", ("on", "off")),
        Feature("door", "boolean"),
    )
)
NAN = float("nan")


def rows_of(value, features=PAIR, **options):
    """Rows of one payload, which in a batch are the same."""
    packed = value if isinstance(value, bytes) else msgpack.packb(value)
    codec = MsgpackCodec(CodecSettings((len(features.features),), features=features, **options))
    decode = Decoder(codec, Limits(10**6, 10), schema=features)
    decoded = decode.all([packed, packed])
    if decoded.failures:
        raise decoded.failures[0]
    rows = decode(packed)
    np.testing.assert_array_equal(decoded.rows, np.concatenate([rows, rows]))
    return rows


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ({"temp": 1.5, "pressure": 2}, [[1.5, 2]]),
        ({"temp": 1.5, "pressure": 2.0}, [[1.5, 2]]),
        ({"pressure": 2, "id": "x", "temp": 1.5, "at": msgpack.Timestamp(3)}, [[1.5, 2]]),
        ([{"temp": 1, "pressure": 2}, {"pressure": 4, "temp": 3}], [[1, 2], [3, 4]]),
        ([1.5, 2], [[1.5, 2]]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    ],
)
def test_features_are_found_by_name_or_in_order(value, rows):
    assert rows_of(value).tolist() == rows
    assert rows_of({"v": {"w": value}}, field="v.w").tolist() == rows


def test_all_kinds_of_features():
    value = {"temp": 1, "motor": {"rpm": None}, "state": "off", "door": True}
    np.testing.assert_array_equal(rows_of(value, MIXED), [[1, NAN, 1, 1]])
    in_order = [1, None, "never", False]
    np.testing.assert_array_equal(
        rows_of([in_order, in_order], MIXED, by_position=True), [[1, NAN, 2, 0]] * 2
    )


@pytest.mark.parametrize(
    ("value", "reason", "text"),
    [
        ({"temp": 1}, "missing_value", "no value for 'pressure'; the record has temp"),
        ({"temp": NAN, "pressure": 1.0}, "missing_value", "no value for 'temp'"),
        ({"temp": "1", "pressure": 2}, "wrong_dtype", "codec.numbers_as_text"),
        ({"temp": b"1", "pressure": 2}, "wrong_dtype", "'temp': a number expected"),
        ({"temp": msgpack.ExtType(5, b"1"), "pressure": 2}, "wrong_dtype", "'temp'"),
        (b"\x83\xa4temp\x01\xa4temp\x02\xa8pressure\x03", "undecodable", "'temp' is there twice"),
        ([{"temp": 1, "pressure": 2}, 3], "wrong_shape", "row 1"),
        (b"\x82\x01\x02\x03\x04", "undecodable", "not MessagePack"),
        (7, "wrong_shape", "an object of features expected"),
        ([{"temp": 1, "pressure": 2}] * 5000, "too_many_rows", "5000 rows"),
    ],
)
def test_what_is_wrong_is_told_by_name(value, reason, text):
    with pytest.raises(DecodeError) as caught:
        rows_of(value)
    assert (caught.value.reason, text in str(caught.value)) == (reason, True), str(caught.value)


def test_lists_are_said_once_and_refused_where_values_may_be_missing():
    said = []
    for value in ([1, 2], [1.5, 2.5], [[1, 2]]):
        rows_of(value, say=said.append)
    assert len(set(said)) == 1
    said.clear()
    rows_of({"temp": 1.5, "pressure": 2.5}, say=said.append)
    assert said == []
    with pytest.raises(DecodeError, match=r"codec\.by_position"):
        rows_of([1, 2, "on", True], MIXED)


@pytest.mark.parametrize("width", [np.float32, np.float64])
def test_maps_as_they_are_encoded_are_read_at_once(width):
    codec = MsgpackCodec(CodecSettings((2,), features=PAIR))
    rows = np.random.default_rng(0).normal(size=(20, 2)).astype(width)
    many = codec.decode_many([codec.encode(row) for row in rows])
    assert many.counts.tolist() == [1] * 20
    np.testing.assert_array_equal(many.rows, rows)


NAMED_BOMBS = {
    **BOMBS,
    "empty maps": lambda size: b"\xdd" + (size - 5).to_bytes(4, "big") + b"\x80" * (size - 5),
    "one key again": lambda size: (
        b"\xdf" + ((size - 5) // 3).to_bytes(4, "big") + b"\xa1a\x01" * ((size - 5) // 3)
    ),
    "keys": lambda size: (
        b"\xdf" + (size // 10).to_bytes(4, "big")
        + b"".join(b"\xa8%08d\x01" % i for i in range(size // 10))
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMED_BOMBS)
@pytest.mark.parametrize("features", [MIXED, PAIR], ids=["mixed", "pair"])
def test_8_mb_of_anything_end_soon_and_in_little_memory(kind, features):
    settings = CodecSettings((len(features.features),), features=features)
    check(Variant("msgpack", settings), NAMED_BOMBS[kind](8 * 2**20))

"""Three or four grey pictures in one payload look like one picture with channels."""

import json

import msgpack
import numpy as np
import pytest

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.errors import DecodeError
from tests.fuzz.seeds import saved_npy

WRITTEN = {
    "json": lambda rows: json.dumps(rows.tolist()).encode(),
    "json-schema": lambda rows: json.dumps(rows.tolist()).encode(),
    "npy": lambda rows: saved_npy(rows, (1, 0)),
    "msgpack": lambda rows: msgpack.packb(rows.tolist()),
}
every_codec = pytest.mark.parametrize("name", WRITTEN)


def decoder(name, shape, rows="one"):
    return Decoder(CODECS[name](CodecSettings(shape, "float64", rows=rows)), Limits(10**6, 10))


def numbers(count, shape):
    return np.arange(count * np.prod(shape), dtype=np.float64).reshape(count, *shape) + 0.5


@every_codec
@pytest.mark.parametrize("count", [3, 4])
def test_they_are_refused_unless_many_rows_are_expected(name, count):
    rows = numbers(count, (5, 6))
    value, decode = WRITTEN[name](rows), decoder(name, (5, 6))
    with pytest.raises(DecodeError, match=rf"{count} channels.*{count} rows: set codec.rows: many"):
        decode(value)
    assert [e.reason for e in decode.all([value]).failures.values()] == ["wrong_shape"]
    many = decoder(name, (5, 6), "many")
    np.testing.assert_array_equal(many(value), rows)
    np.testing.assert_array_equal(many.all([value]).rows, rows)


@every_codec
@pytest.mark.parametrize(
    ("count", "shape"), [(1, (5, 6)), (2, (5, 6)), (5, (5, 6)), (3, (5,)), (3, (5, 6, 1))]
)
def test_all_other_rows_are_taken_as_ever(name, count, shape):
    rows = numbers(count, shape)
    np.testing.assert_array_equal(decoder(name, shape)(WRITTEN[name](rows)), rows)
    np.testing.assert_array_equal(decoder(name, shape).all([WRITTEN[name](rows)]).rows, rows)


@every_codec
def test_a_model_of_pictures_three_high_takes_one(name):
    row = numbers(1, (3, 5))[0]
    np.testing.assert_array_equal(decoder(name, (3, 5))(WRITTEN[name](row)), [row])


def test_pictures_one_a_line_are_several():
    rows = numbers(3, (5, 6))
    value = b"\n".join(json.dumps(row.tolist()).encode() for row in rows)
    np.testing.assert_array_equal(decoder("json", (5, 6))(value), rows)

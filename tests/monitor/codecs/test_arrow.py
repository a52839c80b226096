"""Arrow streams: many rows a record."""

import numpy as np
import pyarrow as pa
import pytest

from models.schema import Feature, Schema
from monitor.codecs import CodecSettings
from monitor.codecs.arrow import ArrowCodec
from monitor.codecs.arrow_message import has_compression
from monitor.codecs.decoding import Limits, decode_payload
from monitor.errors import DecodeError
from tests.fuzz.arrow_edits import BOMBS, stream, vectors
from tests.fuzz.check import Variant, check

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


def rows_of(value, features=PAIR, shape=None, max_rows=100, **options):
    settings = CodecSettings(
        shape or (len(features.features),), features=features, max_rows=max_rows, **options
    )
    return decode_payload(ArrowCodec(settings), value, Limits(10**7, max_rows), features)


def refused(value, *arguments, **options):
    with pytest.raises(DecodeError) as caught:
        rows_of(value, *arguments, **options)
    assert len(str(caught.value)) < 400
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize(
    "kind", ["int8", "uint16", "int64", "uint64", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("batch_rows", [None, 1, 2])
def test_columns_are_taken_by_name(kind, batch_rows):
    columns = {
        "more": ["a", "b", "c"],
        "pressure": pa.array([4, 5, 6], kind),
        "temp": pa.array([1, 2, 3], kind),
    }
    np.testing.assert_array_equal(rows_of(stream(columns, batch_rows)), [[1, 4], [2, 5], [3, 6]])


def test_all_kinds_of_features():
    columns = {
        "temp": [1.5, 2, 3],
        "motor": [{"rpm": 7}, {"rpm": None}, None],
        "state": pa.array(["on", "never", "off"]).dictionary_encode(),
        "door": [True, False, True],
    }
    right = [[1.5, 7, 0, 1], [2, NAN, 2, 0], [3, NAN, 1, 1]]
    np.testing.assert_array_equal(rows_of(stream(columns), MIXED), right)
    plain = {
        "temp": [1.5, 2, 3], "motor.rpm": [7.0, None, NAN], "state": ["on", "x", "off"],
        "door": [1, 0, 1],
    }  # fmt: skip
    np.testing.assert_array_equal(rows_of(stream(plain), MIXED), right)
    del plain["motor.rpm"]
    assert np.isnan(rows_of(stream(plain), MIXED)[:, 1]).all()


@pytest.mark.parametrize(
    ("columns", "reason", "text"),
    [
        ({"temp": [1]}, "missing_value", "no value for 'pressure'; the record has 'temp'"),
        ({"temp": [1, None], "pressure": [1, 2]}, "missing_value", "'temp' is NaN"),
        ({"temp": [1, np.inf], "pressure": [1, 2]}, "non_finite", "'temp' is infinite"),
        ({"temp": ["1"], "pressure": [1]}, "wrong_dtype", "codec.numbers_as_text"),
        ({"temp": [True], "pressure": [1]}, "wrong_dtype", "'temp': a number expected"),
        ({"temp": [[1]], "pressure": [1]}, "wrong_dtype", "got a column of list"),
        ({"temp": pa.array([], "f8"), "pressure": pa.array([], "f8")}, "empty", "without rows"),
        ({"temp": [1] * 101, "pressure": [1] * 101}, "too_many_rows", "101 rows or more"),
        ({"temp": pa.nulls(10**9), "pressure": pa.nulls(10**9)}, "too_many_rows", "more than 100"),
    ],
)
def test_what_is_wrong_is_told_by_name(columns, reason, text):
    found, said = refused(stream(columns))
    assert (found, text in said) == (reason, True), said


def test_numbers_as_text_and_further_columns_of_one_name():
    assert rows_of(stream({"temp": ["1.5"], "pressure": [2]}), numbers_as_text=True).tolist() == [
        [1.5, 2]
    ]
    twice = pa.table([[1], [2], [3]], names=["temp", "temp", "pressure"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, twice.schema) as writer:
        writer.write_table(twice)
    assert "the column 'temp' is there twice" in refused(bytes(sink.getvalue()))[1]


def test_a_column_of_vectors_is_for_models_without_names():
    rows = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    value = vectors(rows, "v")
    np.testing.assert_array_equal(rows_of(value, Schema(), (2, 3)), rows)
    assert rows_of(value, Schema(), (2, 3)).dtype == np.float32
    np.testing.assert_array_equal(rows_of(value, Schema(), (2, 3), field="v"), rows)
    assert "are 'v'" in refused(value, Schema(), (2, 3), field="w")[1]
    assert refused(value, Schema(), (2, 4))[0] == "wrong_shape"
    lists = pa.FixedSizeListArray.from_arrays(pa.array([1.0, None]), 2)
    assert refused(stream({"v": lists}), Schema(), (2,))[0] == "wrong_dtype"
    part = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(8.0)), 2)[1:3]
    np.testing.assert_array_equal(rows_of(stream({"v": part}), Schema(), (2,)), [[2, 3], [4, 5]])


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_buffers_are_refused_since_they_claim_their_size(compression):
    options = pa.ipc.IpcWriteOptions(compression=compression)
    for value in (
        stream({"temp": [1.0], "pressure": [2.0]}, options=options),
        stream({"temp": pa.array(["a"] * 99).dictionary_encode()}, options=options),
    ):
        assert has_compression(value)
        assert "compressed Arrow buffers" in refused(value)[1]
    assert not has_compression(stream({"temp": [1.0]}))


def test_bytes_after_the_end_are_refused():
    value = stream({"temp": [1.0], "pressure": [2.0]})
    assert "bytes after the end" in refused(value + b"\0\0\0\0")[1]
    np.testing.assert_array_equal(rows_of(value[:-8]), [[1, 2]])  # the end may be left out


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("features", [MIXED, PAIR], ids=["mixed", "pair"])
def test_no_stream_takes_much_time_or_memory(kind, features):
    value = BOMBS[kind](8 * 2**20)
    settings = CodecSettings((len(features.features),), features=features)
    assert check(Variant("arrow", settings), value).ending != "rows"


def test_columns_that_no_feature_has_are_told_once_or_refused():
    value, said = stream({"temp": [1], "pressure": [2], "x\n": [3], "id": [4]}), []
    settings = CodecSettings((2,), features=PAIR, say=said.append)
    codec = ArrowCodec(settings)
    for _ in range(2):
        assert codec.decode(value).tolist() == [[1, 2]]
    assert said == ["keys that are no feature of the model are ignored (codec.extra): 'x\\n', 'id'"]
    reason, text = refused(value, refuse_extra=True)
    assert reason == "wrong_shape"
    assert r"no feature 'x\n', 'id' (codec.extra: refuse)" in text

"""`.npy` payloads."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from monitor.codecs import CodecSettings
from monitor.codecs.npy import NpyCodec
from monitor.errors import DecodeError
from tests.pace import is_within

CODEC = NpyCodec(CodecSettings((2, 3), rows="many"))
ROWS = np.arange(24).reshape(4, 2, 3)


def saved(array, version=None):
    stream = io.BytesIO()
    npy_format.write_array(stream, array, version, allow_pickle=True)
    return stream.getvalue()


def made_up(header, data=b"", version=b"\x01\x00"):
    """A file with a header of our own."""
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header.encode("latin-1") + data


def refused(value):
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(value)
    return caught.value.reason


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i4", ">i8", "<f2", ">f4", "=f8"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_what_numpy_writes_is_read(dtype, version):
    rows = ROWS.astype(dtype)
    np.testing.assert_array_equal(CODEC.decode(saved(rows, version)), rows)
    np.testing.assert_array_equal(CODEC.decode(saved(rows[0], version)), rows[:1])


def test_fortran_order_is_understood():
    np.testing.assert_array_equal(CODEC.decode(saved(np.asfortranarray(ROWS))), ROWS)


def test_headers_of_other_writers_are_read():
    header = "{'shape':(2,3),'fortran_order':False,'descr':'|u1'}"
    assert CODEC.decode(made_up(header, bytes(range(6)))).tolist() == [[[0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), complex),
        np.zeros((2, 3), bool),
        np.zeros((2, 3), "U4"),
        np.zeros((2, 3), "S4"),
        np.zeros((2, 3), "M8[s]"),
        np.zeros((2, 3), np.longdouble),
        np.full((2, 3), None),
    ],
    ids=lambda array: array.dtype.name,
)
def test_anything_but_plain_numbers_is_the_wrong_dtype(array):
    assert refused(saved(array)) == "wrong_dtype"


def test_a_structured_array_is_undecodable():
    assert refused(saved(np.zeros((2, 3), "f4,f4"))) == "undecodable"


@pytest.mark.parametrize("shape", [(3, 2), (6,), (2, 3, 1), (), (2, 2, 2, 3)])
def test_another_shape_is_the_wrong_shape(shape):
    assert refused(saved(np.zeros(shape))) == "wrong_shape"


@pytest.mark.parametrize("shape", [(0,), (0, 2, 3), (2, 0)])
def test_no_numbers_are_empty(shape):
    assert refused(saved(np.zeros(shape))) == "empty"


@pytest.mark.parametrize("end", [-1, -8, 80])
def test_truncated_data_is_undecodable(end):
    assert refused(saved(ROWS)[:end]) == "undecodable"


def test_trailing_bytes_are_undecodable():
    assert refused(saved(ROWS) + b"x") == "undecodable"


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -3)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L)}",
        "{'descr': '|u1', 'fortran_order': False, 'descr': '|u1'}",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': (), 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '|u1', (",
        "(" * 3000,
        "-" * 3000 + "1",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (2, 3)}",
    ],
)
def test_headers_that_numpy_does_not_write_are_undecodable(header):
    assert refused(made_up(header, bytes(6))) == "undecodable"


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (f"(0, {10**30})", "empty"),
        (f"({10**30}, 2, 3)", "undecodable"),
        ("(" + "1," * 100 + ")", "wrong_shape"),
    ],
)
def test_impossible_shapes_are_refused_before_memory_is_taken(shape, reason):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"
    assert refused(made_up(header, bytes(48))) == reason


@pytest.mark.parametrize("version", [b"\x03\x00", b"\x00\x00", b"\x01\x01"])
def test_other_versions_are_undecodable(version):
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}"
    assert refused(made_up(header, bytes(6), version)) == "undecodable"


def test_a_header_longer_than_any_array_needs_is_undecodable():
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}" + " " * 5000
    assert refused(made_up(header, bytes(6))) == "undecodable"


@given(header=st.text(alphabet="{}()[]',: descrshapfotn_ordTueFl<|u1f8-9L\x00", max_size=80))
def test_no_header_raises_anything_but_a_reason(header):
    assert refused(made_up(header, bytes(6))) in (
        "undecodable",
        "wrong_dtype",
        "wrong_shape",
        "empty",
    )


def test_the_time_for_a_header_of_blanks_does_not_grow_with_their_square():
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)" + " " * 4000

    def refusing() -> None:
        for _ in range(100):
            assert refused(made_up(header)) == "undecodable"

    assert is_within(11, refusing)

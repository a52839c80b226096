"""The fast way through JSON takes what `json.loads` takes too, and gives the same numbers."""

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.codecs import CodecSettings
from monitor.codecs.json_fast import MOST_OTHER_BRACKETS
from monitor.codecs.json_list import JsonCodec
from monitor.errors import DecodeError

HARD = [
    "2.2250738585072011e-308", "2.2250738585072014e-308", "4.9406564584124654e-324",
    "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400", "-1e-400",
    "1.7976931348623157e308", "1.7976931348623158e308", "9007199254740993", "9007199254740993.0",
    "-9007199254740993",
    "9223372036854775807", "-9223372036854775808", "18446744073709551615", "9007199254740992.5",
    "0.500000000000000166533453693773481063544750213623046875", "7.2057594037927933e16",
    "3.518437208883201171875e13", "62.5364939768271845828", "8.10109172351e-10",
    "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126",
    "0", "-0", "-0.0", "-0e9", "0e999", "1E5", "1e+5", "1e05", "0.1e-6",
    "123456789012345678901234567890.5", "0." + "0" * 400 + "1e400", "1" * 300 + ".0",
    "0." + "9" * 900,
]  # fmt: skip
"""Numbers between two float64, at the ends of its range, and longer than it is."""
REFUSED = [
    "1e999", "NaN", "Infinity", "-Infinity", "1" + "0" * 400, "18446744073709551616", "01", "+1",
    "1.", ".5", "1e", "0x1", "1_0", "true", "null", '"1"', "[1]", "[]", "{}", "--1", "1 1", "١",
    "36893488147419103232",
]  # fmt: skip
"""What stands where a number should: not all of it is wrong, but it is told by `json.loads`."""


def fast(value, shape=(2,), field=None):
    """Rows by the fast way, or None if it leaves them."""
    many = JsonCodec(CodecSettings(shape, field=field)).decode_many([value])
    return many.rows if many.counts[0] else None


def slow(value, shape=(2,), field=None):
    """Rows by `json.loads`, or None if it refuses."""
    try:
        return JsonCodec(CodecSettings(shape, field=field)).decode(value)
    except DecodeError:
        return None


def assert_agree(value, **settings):
    """What the fast way takes, the slow one takes, bit for bit. Returns whether it took it."""
    taken, truth = fast(value, **settings), slow(value, **settings)
    if taken is None:
        return False
    assert truth is not None, value
    assert (taken.shape, taken.dtype) == (truth.shape, truth.dtype)
    assert taken.tobytes() == truth.tobytes(), value
    return True


@pytest.mark.parametrize("number", HARD)
def test_numbers_are_rounded_as_python_rounds_them(number):
    assert assert_agree(f"[{number}, 1]".encode())


@pytest.mark.parametrize("cell", REFUSED)
def test_what_is_in_doubt_is_left_to_python(cell):
    assert fast(f"[{cell}, 1]".encode()) is None
    assert fast(f'{{"a": [{cell}, 1]}}'.encode(), field="a") is None


@given(
    bits=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8),
    extra=st.text("0123456789", max_size=25),
)
def test_any_float64_with_further_digits_is_read_as_python_reads_it(bits, extra):
    floats = [struct.unpack("d", struct.pack("Q", b))[0] for b in bits]
    finite = [f for f in floats if math.isfinite(f)] or [1.0]
    mantissas = [repr(f).partition("e") for f in finite]
    texts = [m + ("" if "." in m else ".0") + extra + e + x for m, e, x in mantissas]
    assert assert_agree(f"[{','.join(texts)}]".encode(), shape=(len(texts),))


@given(
    whole=st.integers(-(2**63), 2**64 - 1),
    digits=st.text("0123456789", min_size=1, max_size=40),
    exponent=st.integers(-340, 320),
)
def test_any_decimal_is_read_as_python_reads_it(whole, digits, exponent):
    assert assert_agree(f"[{whole}, {whole}]".encode())
    assert_agree(f"[{whole}.{digits}e{exponent}, 1]".encode())


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (b"[[1,2],[]]", (2,)), (b"[[1],2]", (2,)), (b"[1,[2]]", (2,)), (b"[[1],[2]]", (2,)),
        (b"[[1],[2,3,4]]", (2, 2)), (b"[[1,2],[[3],4]]", (2, 2)), (b"[[[1,2]],[3,4]]", (2, 2)),
        (b"[1,2,3,4]", (2, 2)), (b"[[[1,2]]]", (2,)), (b"[[1,2],[3,4]]", (4,)),
        (b"[[1,2,3,4]]", (2, 2)), (b"[]", (1,)), (b"[[]]", (1,)),
        (b"[1,2]\x00", (2,)), (b"[1,2] 3", (2,)), (b"[1,2],", (2,)),
    ],
)  # fmt: skip
def test_another_nesting_of_as_many_numbers_is_not_taken(value, shape):
    assert fast(value, shape) is None
    inside = b'{"boxes": [[[[]]]], "a": ' + value + b"}"
    assert fast(inside, shape, "a") is None


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (b" [1, 2]\n", (2,)), (b"[[1,2]]", (2,)), (b"[[1,2],[3,4],[5,6]]", (2,)),
        (b"[[1,2],[3,4]]", (2, 2)), (b"[[[1,2],[3,4]]]", (2, 2)),
        (b"[[[1],[2]],[[3],[4]]]", (2, 1)), (b"[[1]]", (1,)), (b"[[1]]", (1, 1)),
    ],
)  # fmt: skip
def test_rows_are_taken_with_or_without_a_leading_dimension(value, shape):
    assert assert_agree(value, shape=shape)
    assert assert_agree(b'{"boxes": [[["["]]], "a": ' + value + b"}", shape=shape, field="a")


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (b'{"a": {"b": [1, 2]}}', True),
        ('{"ä": "\u20ac", "a": {"b": [1, 2]}}'.encode(), True),
        (b'{"a": {"b": [1, 2], "b": [3, 4]}}', False),
        (b'{"a": {"b": [1, 2], "\\u0062": [3, 4]}}', False),
        (b'{"a": {"b": [3, 4]}, "a": 1}', False),
        (b'{"\\u0061": {"b": [1, 2]}}', True),
        (b'{"a": [{"b": [1, 2]}]}', False),
        (b'{"c": "\\ud800", "a": {"b": [1, 2]}}', False),
        (b'{"c": "\xed\xa0\x80", "a": {"b": [1, 2]}}', False),
        (b'{"c": "\xff", "a": {"b": [1, 2]}}', False),
        (b'{"c": "\n", "a": {"b": [1, 2]}}', False),
        (b'{"c": NaN, "a": {"b": [1, 2]}}', False),
        ('{"a": {"b": [1, 2]}}'.encode("utf-16"), False),
    ],
)
def test_a_field_is_the_one_that_python_finds(value, taken):
    assert assert_agree(value, field="a.b") == taken


def test_a_name_with_a_zero_in_it_is_left_to_python():
    value = b'{"a": [1, 2], "a\\u0000b": [3, 4]}'
    assert fast(value, field="a\0b") is None
    np.testing.assert_array_equal(slow(value, field="a\0b"), [[3, 4]])


@pytest.mark.parametrize("depth", [200, 256, 257, 400, 401, 500, 900, 990, 1010, 1022, 5000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"":', "}")])
def test_what_is_nested_deeply_beside_the_rows_is_left_to_python(depth, opening, closing):
    beside = opening * depth + "1" + closing * depth
    value = f'{{"a": [1, 2], "c": {beside}}}'.encode()
    assert assert_agree(value, field="a") == (depth < MOST_OTHER_BRACKETS)


def test_payloads_that_python_must_read_leave_the_others_where_they_are():
    codec = JsonCodec(CodecSettings((2,)))
    many = codec.decode_many([b"[1,2]", b"[NaN,2]", b"[[3,4],[5,6]]", b"\xef\xbb\xbf[7,8]"])
    assert many.counts.tolist() == [1, 0, 2, 1]
    np.testing.assert_array_equal(many.rows, [[1, 2], [3, 4], [5, 6], [7, 8]])


@given(
    document=st.recursive(
        st.sampled_from([1, 0.5, -3e300, None, True, "a"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
        max_leaves=12,
    ),
    shape=st.sampled_from([(1,), (2,), (2, 1), (1, 1), (2, 2)]),
    field=st.sampled_from([None, "a", "a.b"]),
)
def test_any_document_that_is_taken_is_taken_as_python_takes_it(document, shape, field):
    assert_agree(json.dumps(document).encode(), shape=shape, field=field)

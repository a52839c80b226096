"""Payloads in base64, gzip and zstd."""

import base64
import gzip
import itertools
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import zstandard

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.headers import DTYPE, headers_of
from monitor.codecs.wrapped import UNWRAP, Wrapped
from monitor.errors import DecodeError
from tests.fuzz import wraps

ROW = np.array([1.5, -2], np.float32)
MOST = 2**20
KINDS = [*itertools.permutations(UNWRAP, 1), *itertools.permutations(UNWRAP, 2),
         ("gzip", "gzip", "gzip")]  # fmt: skip


def wrapped(kinds, name="json", most=MOST):
    return Wrapped(CODECS[name](CodecSettings((2,))), kinds, most, name)


def refused(kinds, value, name="json"):
    decode = Decoder(wrapped(kinds, name), Limits(MOST, 10), name=name)
    with pytest.raises(DecodeError) as caught:
        decode(value)
    decoded = decode.all([value])
    assert str(decoded.failures[0]) == str(caught.value)
    return caught.value.reason, str(caught.value)


@pytest.mark.parametrize("kinds", KINDS, ids=" in ".join)
@pytest.mark.parametrize("name", ["json", "raw", "msgpack", "npy"])
def test_what_is_wrapped_comes_back(kinds, name):
    codec = wrapped(kinds, name)
    value = codec.encode(ROW)
    decode = Decoder(codec, Limits(MOST, 10))
    np.testing.assert_array_equal(decode(value), [ROW])
    decoded = decode.all([value, b"bad", value, b"", None, b"\x1f\x8b" * 9])
    np.testing.assert_array_equal(decoded.rows, [ROW, ROW])
    assert decoded.counts.tolist() == [1, 0, 1, 0, 0, 0]


def test_what_other_programs_write_is_unwrapped():
    row = b"[1.5, -2]"
    stream = zstandard.ZstdCompressor().compressobj()  # of unknown size
    texts = {
        "gzip": [gzip.compress(row), gzip.compress(row, 1)],
        "zstd": [zstandard.compress(row), stream.compress(row) + stream.flush(),
                 zstandard.ZstdCompressor(level=19, write_checksum=True).compress(row)],
        "base64": [base64.b64encode(row), base64.b64encode(row) + b"\n"],
    }  # fmt: skip
    for kind, values in texts.items():
        for value in values:
            np.testing.assert_array_equal(wrapped((kind,)).decode(value), [ROW])


@pytest.mark.parametrize("kind", UNWRAP)
def test_what_is_cut_or_followed_by_more_is_refused(kind):
    value = wrapped((kind,)).encode(ROW)
    for bad in (value[:-1], value[: len(value) // 2], value + b"!", value + value, b"[1.5, -2]"):
        assert refused((kind,), bad)[0] == "undecodable", bad
    assert "which codec.wrap says" in refused((kind,), b"[1.5, -2]")[1]


def zstd_of_runs(size):
    """A frame of RLE blocks of 128 kB in 4 bytes each, as many as make so many bytes."""
    blocks = b"".join(
        struct.pack("<I", (1 << 17) << 3 | 1 << 1)[:3] + b"a" for _ in range(size >> 17)
    )
    last = struct.pack("<I", 1 << 3 | 1 << 1 | 1)[:3] + b"a"
    return b"\x28\xb5\x2f\xfd\x00\x58" + blocks + last


BOMBS = {
    "gzip": gzip.compress(bytes(200 * 2**20)),
    "zstd": zstandard.compress(bytes(200 * 2**20)),
    "zstd of runs": zstd_of_runs(2**30),
    "zstd that claims 2 GB": b"\x28\xb5\x2f\xfd\xa0\xff\xff\xff\x7f" + bytes(20),
    "zstd that looks back 2 GB": b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(20),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_makes_no_more_than_the_bound(kind):
    tracemalloc.start()
    try:
        reason, _ = refused((kind.split()[0],), BOMBS[kind])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reason == ("oversized" if kind in ("gzip", "zstd", "zstd of runs") else "undecodable")
    assert peak < 2 * MOST + 12 * 2**20


def test_a_bomb_in_a_bomb_is_refused_at_the_first_that_is_too_large():
    inner = gzip.compress(bytes(100 * 2**20))
    assert refused(("gzip", "gzip"), gzip.compress(inner))[0] == "oversized"
    assert refused(("gzip", "gzip"), gzip.compress(gzip.compress(b"")))[0] == "empty"


def test_the_error_is_about_what_is_inside():
    reason, text = refused(("gzip",), gzip.compress(b'{"temp": 20}'), "raw")
    assert reason == "wrong_shape"
    assert "set codec.name: json" in text
    assert "wrap" not in text
    assert "set codec.wrap: zstd" in refused(("gzip",), gzip.compress(zstandard.compress(b"1")))[1]


def test_a_header_is_heeded_inside():
    codec = wrapped(("gzip",), "raw")
    assert headers_of(codec) == [(DTYPE, b"<f4")]
    value = gzip.compress(ROW.astype(">f8").tobytes())
    rows = Decoder(codec, Limits(MOST, 10)).all([value] * 2, [[(DTYPE, b">f8")]] * 2).rows
    np.testing.assert_array_equal(rows, [ROW, ROW])
    assert headers_of(wrapped(("gzip",), "json")) == []


@pytest.mark.parametrize("kinds", wraps.KINDS, ids=" in ".join)
def test_thousands_of_edited_payloads_end_as_rows_or_as_a_reason(kinds):
    assert wraps.fuzz(kinds, 1500, seed=7).endings.keys() >= {"rows", "undecodable"}


def test_raw_deflate_is_not_gzip():
    assert refused(("gzip",), zlib.compress(b"[1, 2]"))[0] == "undecodable"

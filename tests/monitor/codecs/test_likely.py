"""Messages of dead letters name the likely cause."""

import base64
import gzip
import io
import json
import pickle

import numpy as np
import pytest
import zstandard
from PIL import Image

from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Limits, decode_payload
from monitor.codecs.likely import likely
from monitor.errors import DecodeError

LIMITS = Limits(10_000, 10)


def picture(form):
    stream = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(8, 6)).save(stream, form)
    return stream.getvalue()


def npy():
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


TEXT = json.dumps({"temp": 20.1, "pressure": 1000.2}).encode()
SEEN = {
    "gzip": (gzip.compress(TEXT), "set codec.wrap: gzip"),
    "zstd": (zstandard.compress(TEXT), "set codec.wrap: zstd"),
    "base64": (base64.b64encode(TEXT), "set codec.wrap: base64"),
    "png": (picture("PNG"), "set codec.name: image"),
    "jpeg": (picture("JPEG"), "set codec.name: image"),
    "webp": (picture("WEBP"), "set codec.name: image"),
    "tiff": (picture("TIFF"), "set codec.name: image"),
    "bmp": (picture("BMP"), "set codec.name: image"),
    "npy": (npy(), "set codec.name: npy"),
    "pickle": (pickle.dumps([1.5] * 9), "never read"),
    "object": (TEXT, "set codec.name: json"),
    "list": (b" [1, 2, 3, 4, 5]", "set codec.name: json"),
    "list of lists": (b"[[1.5, -2]]", "set codec.name: json"),
    "numbers": (b"1.5,2,3.25\n", "text of numbers"),
    "framing": (b"\0\0\0\0\x07" + b"\x02\x10abc", "set codec.name: avro"),
    "framed JSON": (b"\0\0\0\0\x07" + TEXT, "set codec.name: json"),
    "avro file": (b"Obj\x01\x04\x14avro.codec", "Avro file"),
    "parquet": (b"PAR1" + bytes(20), "Parquet file"),
}
READS = {
    "json": {"object", "list", "list of lists", "numbers", "framed JSON"},
    "raw": set(),
    "npy": {"npy"},
    "image": {"png", "jpeg", "webp", "tiff", "bmp"},
    "msgpack": set(),
    "arrow": set(),
    "avro": {"framing"},
    "protobuf": {"framing"},
    "json-schema": {"framing", "framed JSON", "object"},
}


@pytest.mark.parametrize("codec", READS)
@pytest.mark.parametrize("kind", SEEN)
def test_what_another_codec_reads_is_named_with_the_setting(codec, kind):
    value, text = SEEN[kind]
    built = CODECS[codec](CodecSettings((5, 7), "uint8" if codec == "image" else "float64"))
    with pytest.raises(DecodeError) as caught:
        decode_payload(built, value, LIMITS, name=codec)
    assert (text in str(caught.value)) == (kind not in READS[codec])
    assert len(str(caught.value)) <= 400


@pytest.mark.parametrize(
    "value", [b"", b"\0", b"\0\0\0\0\0\1\2", bytes(3), b"\0\xff\0\0\1\2", b"abc", b"{abc", b"\1\2"]
)
def test_what_looks_like_nothing_has_no_hint(value):
    assert likely(value, "raw", "undecodable") == ""


@pytest.mark.parametrize("reason", ["oversized", "empty", "too_many_rows", "missing_value"])
def test_a_payload_that_was_understood_has_no_hint(reason):
    assert likely(TEXT, "raw", reason) == ""


def test_a_cause_that_the_codec_knows_goes_before_the_look_of_the_bytes():
    codec = CODECS["raw"](CodecSettings((2,), "float32"))
    value = np.array([0, 1], ">f8").tobytes()[4:] + bytes(4) + b"\0\0\0\7"
    with pytest.raises(DecodeError) as caught:
        decode_payload(codec, value, LIMITS, name="raw")
    assert str(caught.value).count("set codec.") <= 1

"""WebP and BMP files that claim or cost more than a picture does."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from monitor.errors import DecodeError
from monitor.pictures import bmp, webp
from monitor.pictures.form import Form, resized_to
from monitor.pictures.reading import header, pixels

FORM = Form(30, 40, "RGB")
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8))


def saved(form, image=PICTURE, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def refused(value, form=FORM, **limits):
    with pytest.raises(DecodeError) as caught:
        pixels(value, form, **limits)
    return caught.value.reason, str(caught.value)


def test_the_canvas_of_an_extended_webp_is_looked_at_before_room_is_made_for_it(monkeypatch):
    value = bytearray(saved("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"))
    assert value[12:16] == b"VP8X"
    value[24:30] = b"\xff\x3f\0" * 2
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert refused(bytes(value)) == (
        "oversized", "16384 x 16384 pixels, more than 89478485",
    )  # fmt: skip
    assert refused(bytes(value), max_pixels=2**30)[0] == "wrong_shape"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08"}])
def test_the_size_of_every_kind_of_webp_is_found_in_its_header(options):
    assert webp.size(saved("WEBP", **options)) == (30, 40)


def test_an_animated_webp_is_refused_before_it_is_opened(monkeypatch):
    value = saved("WEBP", save_all=True, append_images=[PICTURE.rotate(90)])
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert refused(value) == ("wrong_shape", "it holds several pictures, and one is expected")


def test_a_webp_in_more_chunks_than_a_picture_has_is_refused():
    value = saved("WEBP")
    more = value + b"teSt\2\0\0\0\0\0" * webp.MAX_CHUNKS
    more = more[:4] + struct.pack("<I", len(more) - 8) + more[8:]
    assert "more than 64 chunks" in refused(more)[1]


@pytest.mark.parametrize("header_bytes", [b"VP8 ", b"VP8L", b"VP8X", b"ALPH"])
def test_a_webp_without_a_header_is_refused(header_bytes):
    value = b"RIFF\x1c\0\0\0WEBP" + header_bytes + bytes(16)
    assert refused(value[:22]) == ("undecodable", "a damaged picture: no header of WebP")


def packed_bmp(runs):
    """A palette of 256, pixels as run lengths."""
    value = saved("BMP", PICTURE.quantize(256))
    start = struct.unpack_from("<I", value, 10)[0]
    return value[:30] + struct.pack("<I", 1) + value[34:start] + runs


def test_a_packed_bmp_is_read_unless_it_takes_a_million_runs():
    lines = b"".join(bytes([30, level, 0, 0]) for level in range(40)) + b"\0\1"
    assert pixels(packed_bmp(lines), FORM).shape == (40, 30, 3)
    assert refused(packed_bmp(lines[:50]))[0] == "undecodable"
    endless = packed_bmp(b"\0\0" * bmp.MAX_PACKED_BYTES)
    assert "a packed BMP (run lengths)" in refused(endless)[1]


def test_a_bmp_that_claims_more_pixels_than_allowed_is_oversized():
    value = bytearray(saved("BMP"))
    value[18:26] = struct.pack("<ii", 30_000, 30_000)
    assert refused(bytes(value))[0] == "oversized"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_a_header_says_what_the_pixels_will_be(form):
    found = header(saved(form, PICTURE.convert("L")))
    assert (found.size, found.deep, found.grey) == ((30, 40), False, form != "WEBP")


@pytest.mark.parametrize("metadata", [
    {}, {"data": []}, {"data": {"read": None}}, {"data": {"read": {"roles": {"resize": [1]}}}},
    {"data": {"read": {"roles": {"resize": [1, "2"]}}}},
])  # fmt: skip
def test_a_bundle_that_says_nothing_of_resizing_resizes_nothing(metadata):
    assert resized_to(metadata) is None
    assert resized_to({"data": {"read": {"roles": {"resize": [30, 40]}}}}) == (30, 40)

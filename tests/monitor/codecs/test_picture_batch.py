"""Pictures that are read together have the pixels that Pillow gives them one by one."""

import os
import struct
import threading
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.codecs import CodecSettings, jpeg_fast, picture_batch
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.image import ImageCodec
from monitor.codecs.picture_batch import PIECE_BYTES, THREADED_BYTES
from monitor.pictures.parts import MAX_SCANS
from tests.fuzz.files import PNG, chunk, ihdr, saved, segment

CHANNELS = {0: 1, 2: 3, 6: 4}
"""Of a PNG, by its colour type."""
IEND = chunk(b"IEND")


def codec(shape):
    return ImageCodec(CodecSettings(shape, "uint8"))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(lines, height, width, colour_type, depth=8):
    """A file of lines that begin with their filter."""
    packed = chunk(b"IDAT", zlib.compress(lines))
    return PNG + ihdr(width, height, depth, colour_type) + packed + IEND


def assert_taken(values, shape):
    """All are taken, with the pixels of `decode`."""
    many = codec(shape).decode_many(values)
    assert many.counts.tolist() == [1] * len(values)
    alone = [codec(shape).decode(value) for value in values]
    np.testing.assert_array_equal(many.rows, np.concatenate(alone))


@st.composite
def filtered(draw):
    """PNG files of one size with any filter on any line, and their shape."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    colour_type = draw(st.sampled_from(sorted(CHANNELS)))
    line = width * CHANNELS[colour_type]
    filters = st.lists(st.integers(0, 4), min_size=height, max_size=height)
    values = []
    for seed, wanted in enumerate(draw(st.lists(filters, min_size=1, max_size=6))):
        rows = noise(height, line, seed=seed)
        lines = b"".join(bytes([f]) + row.tobytes() for f, row in zip(wanted, rows, strict=True))
        values.append(png(lines, height, width, colour_type))
    return values, (height, width, CHANNELS[colour_type])


@given(filtered())
def test_every_filter_of_png_is_undone_as_pillow_undoes_it(files):
    assert_taken(*files)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4), (3, 9, 7), (4, 9, 7)])
@pytest.mark.parametrize(
    "options", [{}, {"optimize": True}, {"compress_level": 0}, {"dpi": (9, 9)}]
)
def test_what_pillow_writes_as_png_is_taken(shape, options):
    rows = noise(5, *shape)
    if shape[0] in (3, 4):
        rows = rows.transpose(0, 2, 3, 1)
    pictures = [row.reshape(9, 7) if row.size == 63 else row for row in rows]
    values = [saved(np.ascontiguousarray(picture), "PNG", **options) for picture in pictures]
    assert_taken(values, shape)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    grey=st.booleans(),
    smooth=st.booleans(),
    quality=st.integers(1, 100),
    subsampling=st.integers(0, 2),
    options=st.fixed_dictionaries(
        {},
        optional={
            "progressive": st.just(True),
            "optimize": st.just(True),
            "restart_marker_rows": st.integers(1, 3),
        },
    ),
)
def test_what_pillow_writes_as_jpeg_is_taken(
    height, width, grey, smooth, quality, subsampling, options
):
    shape = (height, width) if grey else (height, width, 3)
    picture = Image.fromarray(noise(3, 3, 3) if smooth else noise(height, width, 3))
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    if not grey:
        options["subsampling"] = subsampling
    pixels = np.asarray(picture.convert("L") if grey else picture)
    assert_taken([saved(pixels, "JPEG", quality=quality, **options)] * 2, shape)


def good_png(lines=None, after=b"", before=b""):
    packed = zlib.compress(b"\4" * 20 if lines is None else lines)
    return PNG + ihdr(4, 4, 8, 0) + before + chunk(b"IDAT", packed) + after + IEND


INTERLACED = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 1))
BROKEN = zlib.compress(bytes(20))
ONE_SCAN = saved(noise(4, 4), "JPEG")
MANY_SCANS = ONE_SCAN[:-2] + b"\xff\xda" * (MAX_SCANS + 1) + ONE_SCAN[-2:]
DOUBTFUL = {
    "too few lines": good_png(bytes(15)),
    "too many lines": good_png(bytes(25)),
    "an unknown filter": good_png(b"\5" + bytes(19)),
    "a wrong checksum of the pixels": good_png()[:-14] + b"??" + IEND,
    "no end": good_png()[:-12],
    "bytes after the end": good_png() + b"more",
    "a stream that is cut": PNG + ihdr(4, 4, 8, 0) + chunk(b"IDAT", BROKEN[:-3]) + IEND,
    "bytes after the stream": PNG + ihdr(4, 4, 8, 0) + chunk(b"IDAT", BROKEN + b"more") + IEND,
    "a stream with a wrong sum": PNG + ihdr(4, 4, 8, 0) + chunk(b"IDAT", BROKEN[:-1] + b"?") + IEND,
    "a palette": good_png(before=chunk(b"PLTE", bytes(768))),
    "transparency": good_png(before=chunk(b"tRNS", bytes(2))),
    "frames": good_png(before=chunk(b"acTL", bytes(8))),
    "a second header": good_png(before=ihdr(4, 4, 8, 0)),
    "an unknown chunk that counts": good_png(after=chunk(b"ABCD")),
    "another size": PNG + ihdr(4, 5, 8, 0) + chunk(b"IDAT", zlib.compress(bytes(25))) + IEND,
    "another kind": png(bytes(4 * 13), 4, 4, 2),
    "lines that are interlaced": PNG + INTERLACED + chunk(b"IDAT", BROKEN) + IEND,
    "more bits": png(bytes(4 * 9), 4, 4, 0, depth=16),
    "another format": saved(noise(4, 4), "GIF"),
    "Exif": saved(noise(4, 4), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
    "several pictures": saved(noise(4, 4), "JPEG")[:2] + segment(0xE2, b"MPF\0" + bytes(40)),
    "colours": saved(noise(4, 4, 3), "JPEG"),
    "half a JPEG": saved(noise(4, 4), "JPEG")[:-20],
    "no pixels in a JPEG": saved(noise(4, 4), "JPEG").partition(b"\xff\xda")[0],
    "a JPEG of another size": saved(noise(4, 5), "JPEG"),
    "more scans than pictures have": MANY_SCANS,
    "the start of a JPEG": b"\xff\xd8\xff",
}


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_what_is_not_quite_usual_is_left_to_pillow(kind):
    good = good_png()
    many = codec((4, 4)).decode_many([good, DOUBTFUL[kind], good])
    assert many.counts.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(many.rows, np.concatenate([codec((4, 4)).decode(good)] * 2))


@pytest.mark.parametrize("shape", [(28, 28), (105, 105, 3), (224, 224, 3), (700, 700, 3)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_many_pictures_come_in_order_and_no_thread_stays(shape, form, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    number = max(3, 2 * PIECE_BYTES // int(np.prod(shape)) + 1)
    few = [saved(noise(*shape, seed=i), form, quality=50, compress_level=1) for i in range(3)]
    values = [few[i * i % 3] for i in range(number)]
    values[1] = values[1][:-30]
    decoded = Decoder(codec(shape), Limits(2**23, 1)).all(values)
    alone = [codec(shape).decode(value)[0] for value in few]
    good = [i for i in range(number) if i != 1]
    assert set(decoded.failures) == {1}
    for row, i in zip(decoded.rows, good, strict=True):
        np.testing.assert_array_equal(row, alone[i * i % 3])
    assert not [t for t in threading.enumerate() if t.name.startswith("pictures")]


def test_large_pictures_go_to_several_threads_and_small_ones_do_not(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    sizes = []

    class Pool(picture_batch.ThreadPoolExecutor):
        def __init__(self, workers, name):
            sizes.append(workers)
            super().__init__(workers, name)

    monkeypatch.setattr(picture_batch, "ThreadPoolExecutor", Pool)
    for side in (28, 224):
        value = saved(noise(side, side), "PNG")
        number = PIECE_BYTES // side**2 + 1
        assert (side**2 >= THREADED_BYTES) == (side == 224)
        assert codec((side, side)).decode_many([value] * number).counts.all()
    assert sizes == [2]


def test_a_file_that_unpacks_to_far_more_than_its_size_says_is_not_unpacked():
    bomb = good_png(bytes(2**24))
    tracemalloc.start()
    try:
        many = codec((4, 4)).decode_many([bomb] * 50)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not many.counts.any()
    assert peak < 2**20


def test_a_jpeg_of_too_many_scans_never_reaches_the_decoder(monkeypatch):
    def decode_jpeg_header(_):
        raise AssertionError("read")

    monkeypatch.setattr(jpeg_fast.simplejpeg, "decode_jpeg_header", decode_jpeg_header)
    assert not codec((4, 4)).decode_many([MANY_SCANS]).counts.any()
    with pytest.raises(AssertionError, match="read"):
        codec((4, 4)).decode_many([ONE_SCAN])

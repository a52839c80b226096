"""What a TIFF file claims is bounded before Pillow and libtiff see it."""

import struct

import numpy as np
import pytest
from PIL import Image

from monitor.errors import DecodeError
from monitor.pictures import tiff, whole
from monitor.pictures.form import Form
from monitor.pictures.reading import pixels
from tests.fuzz.tiff_files import LONG, SHORT, directory, entry, grey, tiff_of

NOISE = np.random.default_rng(0).integers(0, 256, (40, 30), dtype=np.uint8)
FORM = Form(30, 40, "L")


def refused(value, form=FORM):
    with pytest.raises(DecodeError) as caught:
        pixels(value, form)
    return caught.value.reason, str(caught.value)


def changed(**entries):
    """A good file with other entries, by the name of their tag in `tiff`."""
    return grey(NOISE, {getattr(tiff, name): value for name, value in entries.items()})


def test_the_file_that_is_changed_below_is_a_good_one():
    np.testing.assert_array_equal(pixels(changed(), FORM), NOISE)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("rows", [1, 7, 40])
def test_strips_of_any_height_are_read_in_both_byte_orders(order, big, rows):
    np.testing.assert_array_equal(pixels(grey(NOISE, {}, order, big, rows=rows), FORM), NOISE)


@pytest.mark.parametrize("side", [16, 32, 512])
def test_tiles_are_read(side):
    np.testing.assert_array_equal(pixels(grey(NOISE, {}, tile=side), FORM), NOISE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (changed(TILES=(LONG, [8]), TILE_WIDTH=(LONG, [2**20]), TILE_HEIGHT=(LONG, [2**10]),
                 TILE_BYTES=(LONG, [1200])), "tiles of 1048576 x 1024"),
        (changed(STRIPS=(LONG, [8] * 39)), "do not make the picture"),
        (changed(STRIPS=(LONG, [8] * (tiff.MAX_STRIPS + 1))), "has 16385 values"),
        (changed(STRIPS=(LONG, [2**31])), "ends before its pixels"),
        (changed(WIDTH=(LONG, [0])), "entry 256 is 0"),
        (changed(WIDTH=(1234, [30])), "entry 256 has 1 values"),
        (changed(COMPRESSION=(SHORT, [50000])), "packed in way 50000, which is not read"),
        (changed(COMPRESSION=(SHORT, [34925])), "packed in way 34925, which is not read"),
        (changed(COMPRESSION=(SHORT, [5]), STRIP_BYTES=(LONG, [])), "has 0 values"),
        (changed(COMPRESSION=(SHORT, [8]), STRIP_BYTES=(LONG, [10**6])), "ends before its pixels"),
    ],
)  # fmt: skip
def test_claims_that_cannot_be_true_are_refused(value, text):
    reason, told = refused(value)
    assert reason == "undecodable"
    assert text in told


def test_strips_that_all_lie_on_the_same_bytes_are_refused():
    packed = grey(NOISE, {}, rows=1, compression=8)
    good = tiff.cut_down(packed)
    longest = max(end - start for start, end in good.parts)
    same = {tiff.STRIPS: (LONG, [good.parts[0][0]] * 40),
            tiff.STRIP_BYTES: (LONG, [len(packed) - longest] * 40)}  # fmt: skip
    assert "ends before its pixels" in refused(grey(NOISE, same, rows=1, compression=8))[1]


def test_an_entry_that_is_there_twice_is_refused():
    twice = [entry(tiff.WIDTH, LONG, [30])] * 2
    assert "entry 256 is there twice" in refused(tiff_of(directory(twice)))[1]


def test_more_entries_than_a_picture_has_are_refused():
    many = [entry(40_000 + i, LONG, [1]) for i in range(tiff.MAX_ENTRIES + 1)]
    assert "513 entries, more than 512" in refused(tiff_of(directory(many)))[1]


def test_a_second_picture_is_refused_without_a_look_at_it():
    value = grey(NOISE, {}, following=2**31)
    assert refused(value) == ("wrong_shape", "it holds several pictures, and one is expected")


@pytest.mark.parametrize("samples", [3, 4])
def test_16_bits_in_colour_are_refused_and_never_cut_to_8(samples):
    value = grey(
        np.zeros((40, 30 * samples), np.uint16),
        {tiff.WIDTH: (LONG, [30]), tiff.BITS: (SHORT, [16] * samples), 262: (SHORT, [2]),
         tiff.SAMPLES: (SHORT, [samples])},
    )  # fmt: skip
    for form in (FORM, Form(30, 40, "RGB"), Form(30, 40, "I;16")):
        reason, told = refused(value, form)
        assert (reason, "got 16" in told) == ("wrong_dtype", True)


@pytest.mark.parametrize(("kind", "name"), [(np.float32, "F"), (np.int32, "I")])
def test_numbers_of_32_bits_are_refused(tmp_path, kind, name):
    image = Image.fromarray(np.zeros((40, 30), kind))
    assert image.mode == name
    image.save(tmp_path / "a.tif")
    assert refused((tmp_path / "a.tif").read_bytes())[0] == "wrong_dtype"


def test_colours_that_pillow_cannot_convert_are_refused(tmp_path):
    Image.new("LAB", (30, 40)).save(tmp_path / "a.tif")
    told = refused((tmp_path / "a.tif").read_bytes())
    assert told == ("undecodable", "colours of kind LAB are not read")


def test_a_jpeg_strip_whose_pixels_end_early_is_refused_though_its_end_is_marked(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "a.tif", compression="jpeg", quality=95)
    value = (tmp_path / "a.tif").read_bytes()
    pixels(value, FORM)
    start, end = tiff.cut_down(value).parts[0]
    damaged = value[: end - 200] + b"\xff\xd9" + bytes(198) + value[end:]
    assert refused(damaged)[0] == "undecodable"
    assert start < end - 200


def test_a_jpeg_strip_that_claims_to_be_larger_than_the_picture_is_never_unpacked(
    tmp_path, monkeypatch
):
    Image.fromarray(NOISE).save(tmp_path / "a.tif", compression="jpeg")
    value = (tmp_path / "a.tif").read_bytes()
    found = tiff.cut_down(value)
    (start, end), frame = found.parts[0], value.index(b"\xff\xc0", found.parts[0][0])
    strip = bytearray(value[start:end])
    strip[frame - start + 5 : frame - start + 9] = struct.pack(">HH", 16_735, 46_759)
    monkeypatch.setattr(whole.simplejpeg, "decode_jpeg", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(DecodeError, match="ends before its pixels"):
        whole.check_jpeg_strips(bytes(strip), [(0, len(strip))], found.tables, found.part_size)


def test_the_directory_may_be_cut_off_anywhere():
    value = changed()
    for length in range(4, len(value) - 1):
        assert refused(value[:length])[0] == "undecodable"


@pytest.mark.parametrize("start", [b"MM*\0", b"II\0*", b"MM\0+"])
def test_a_start_that_pillow_takes_for_tiff_all_the_same_is_refused(start):
    reason, told = refused(start + changed()[4:])
    assert (reason, told[:12]) == ("undecodable", "not a PNG, J")


def test_metadata_is_left_out():
    value = grey(NOISE, {700: (1, [60] * 1000), 37724: (1, [1] * 5000)})
    cut = tiff.cut_down(value)
    tags = {struct.unpack_from("<H", cut.value, len(cut.value) - 4 - 12 * (i + 1))[0]
            for i in range(9)}  # fmt: skip
    assert not tags & {700, 37724}
    np.testing.assert_array_equal(pixels(value, FORM), NOISE)

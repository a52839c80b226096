"""PNG and JPEG payloads; what all formats have in common is in tests/monitor/pictures."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from monitor.codecs import CodecSettings
from monitor.codecs.image import ImageCodec
from monitor.datasets import load
from monitor.errors import DecodeError
from tests.fuzz.bombs import IMAGE as BOMBS
from tests.fuzz.bombs import PACKED
from tests.fuzz.check import Variant, check
from tests.fuzz.files import PNG, chunk, chunks, ihdr, segment
from tests.fuzz.seeds import VARIANTS
from tests.kafka.payloads import bad

GREY, RGB, RGBA = (4, 5), (4, 5, 3), (4, 5, 4)
SIZE = (5, 4)
COLOUR = (10, 200, 90)
LUMA = 131
"""ITU-R 601: 0.299 R + 0.587 G + 0.114 B."""


def codec(shape=GREY, max_pixels=1000):
    return ImageCodec(CodecSettings(shape, "uint8", max_pixels=max_pixels))


def saved(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def palette():
    image = Image.new("P", SIZE)
    image.putpalette(COLOUR * 256)
    return image


def png(depth, colour_type, channels):
    """A PNG that Pillow cannot write."""
    rows = (b"\0" + bytes(SIZE[0] * channels * depth // 8)) * SIZE[1]
    header = ihdr(*SIZE, depth, colour_type)
    return PNG + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


def refused(value, **settings):
    with pytest.raises(DecodeError) as caught:
        codec(**settings).decode(value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("image", "grey", "rgb"),
    [
        (Image.new("L", SIZE, 7), 7, [7, 7, 7]),
        (Image.new("RGB", SIZE, COLOUR), LUMA, list(COLOUR)),
        (Image.new("1", SIZE, 1), 255, [255, 255, 255]),
        (Image.new("LA", SIZE, (7, 0)), 7, [7, 7, 7]),
        (Image.new("RGBA", SIZE, (*COLOUR, 0)), LUMA, list(COLOUR)),
        (palette(), LUMA, list(COLOUR)),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_every_kind_of_png_gives_the_channels_that_the_model_wants(image, grey, rgb):
    value = saved(image)
    assert codec(GREY).decode(value)[0, 2, 3] == grey
    assert codec(RGB).decode(value)[0, 2, 3].tolist() == rgb
    assert codec(RGBA).decode(value).shape == (1, *RGBA)


def test_a_palette_with_transparency_is_a_good_picture():
    value = saved(palette(), transparency=bytes(range(256)))
    assert codec(RGB).decode(value)[0, 0, 0].tolist() == list(COLOUR)


def test_a_jpeg_is_read_about_as_it_was_written():
    value = saved(Image.new("RGB", SIZE, COLOUR), "JPEG", quality=95)
    assert np.abs(codec(RGB).decode(value)[0].astype(int) - COLOUR).max() <= 4


def test_channels_come_first_where_the_model_has_them_first():
    pixels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    value = saved(Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))))
    np.testing.assert_array_equal(codec((3, 4, 5)).decode(value)[0], pixels)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_are_turned_as_exif_says_and_as_those_of_files_are(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.arange(0, 200, 10, dtype=np.uint8).reshape(4, 5))
    if orientation in (5, 6, 7, 8):
        stored = stored.transpose(Image.Transpose.ROTATE_90)
    value = saved(stored, kind, exif=exif)
    (tmp_path / f"a.{kind.lower()}").write_bytes(value)
    expected = load(str(tmp_path)).records
    np.testing.assert_array_equal(codec().decode(value), expected)
    seen = ImageOps.exif_transpose(Image.open(io.BytesIO(value)))
    np.testing.assert_array_equal(expected[0], np.asarray(seen))
    many = codec().decode_many([value])
    assert not many.rows.size or (many.rows == expected).all()


@pytest.mark.parametrize("exif", [
    b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff",
    b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\1\0\0\0\x63\0\0\0" * 3,
])  # fmt: skip
def test_exif_that_is_damaged_turns_nothing(exif):
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    value = saved(Image.fromarray(pixels), "PNG", exif=b"Exif\0\0" + exif)
    np.testing.assert_array_equal(codec().decode(value)[0], pixels)


def test_damaged_exif_does_not_lose_a_good_picture():
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x10garbage"
    value = saved(Image.new("L", SIZE, 7), "JPEG", exif=exif)
    assert codec().decode(value).shape == (1, *GREY)


def test_another_size_is_the_wrong_shape_and_is_never_resized():
    with pytest.raises(DecodeError, match="5 x 4 pixels expected, got 4 x 5") as caught:
        codec().decode(saved(Image.new("L", (4, 5))))
    assert caught.value.reason == "wrong_shape"


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("shape", [GREY, RGB])
def test_more_than_8_bits_a_channel_is_the_wrong_dtype(colour_type, channels, shape):
    assert codec(shape).decode(png(8, colour_type, channels)).shape == (1, *shape)
    assert refused(png(16, colour_type, channels), shape=shape) == "wrong_dtype"


def test_an_animation_is_the_wrong_shape():
    frames = [Image.new("L", SIZE, level) for level in (1, 2)]
    value = saved(frames[0], save_all=True, append_images=frames[1:])
    assert refused(value) == "wrong_shape"


@pytest.mark.parametrize("form", ["GIF", "PPM", "ICO"])
def test_other_formats_are_undecodable(form):
    assert refused(saved(Image.new("L", SIZE), form)) == "undecodable"


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_truncated_file_is_undecodable(form, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    value = saved(Image.fromarray(noise), form)
    truncated = value[: int(share * len(value))]
    assert refused(truncated, shape=(64, 64), max_pixels=4096) == "undecodable"


def test_more_pixels_than_allowed_are_oversized_whatever_the_model_takes():
    value = saved(Image.new("L", SIZE))
    assert codec(max_pixels=20).decode(value).shape == (1, *GREY)
    assert refused(value, max_pixels=19) == "oversized"


@pytest.mark.parametrize("max_pixels", [1000, 10**9])
def test_a_decompression_bomb_is_oversized(max_pixels):
    assert refused(bad("decompression bomb", "image"), max_pixels=max_pixels) == "oversized"


@pytest.mark.parametrize("shape", [(5,), (20, 4, 5), (2, 4, 5), (4, 5, 3, 1)])
def test_only_image_shapes_can_be_configured(shape):
    with pytest.raises(ValueError, match="not that of an image"):
        codec(shape)


def test_only_bytes_can_be_encoded():
    with pytest.raises(ValueError, match="images are uint8"):
        codec().encode(np.zeros(GREY, np.float32))


@pytest.mark.parametrize("kind", BOMBS)
def test_no_picture_of_8_mb_takes_a_second_or_much_memory(kind):
    check(VARIANTS["image"][0], BOMBS[kind](8 * 2**20))


def test_scans_without_data_over_a_large_picture_are_refused():
    value = saved(Image.new("L", (512, 512)), "JPEG", progressive=True)
    last = value.rindex(b"\xff\xda")
    value = value[:last] + value[last : last + 10] * 500_000 + value[-2:]
    assert (
        check(Variant("image", CodecSettings((512, 512), "uint8")), value).ending == "undecodable"
    )


METADATA = {
    "a packed text": chunk(b"zTXt", b"a\0\0" + PACKED),
    "a packed profile": chunk(b"iCCP", b"a\0\0" + PACKED),
    "a damaged text": chunk(b"iTXt", b"\xff")[:-1] + b"x",
    "Exif": segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08"),
    "Photoshop's": segment(0xED, b"Photoshop 3.0\0"),
    "a comment": segment(0xFE, b"text"),
    "padding": b"\xff" * 1000,
}


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_changes_no_pixel(kind):
    jpeg = METADATA[kind].startswith(b"\xff")
    value, start = saved(Image.new("L", SIZE, 7), "JPEG" if jpeg else "PNG"), 2 if jpeg else 33
    with_metadata = value[:start] + METADATA[kind] + value[start:]
    np.testing.assert_array_equal(codec().decode(with_metadata), codec().decode(value))


def test_transparency_is_no_metadata():
    value = saved(Image.new("L", SIZE, 7), transparency=7)
    assert codec(RGBA).decode(value)[0, 0, 0].tolist() == [7, 7, 7, 0]


def test_a_second_header_cannot_hide_the_depth():
    value = png(16, 0, 1)
    assert refused(PNG + ihdr(*SIZE) + value[8:]) == "undecodable"
    assert refused(PNG + chunk(b"tEXt", b"a\0text") + value[8:]) == "wrong_dtype"


@pytest.mark.parametrize("size", [1, 8])
def test_a_picture_in_many_pieces_is_read(size):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100), dtype=np.uint8)
    header, (_, pixels), _ = chunks(saved(Image.fromarray(noise)))
    pieces = [chunk(b"IDAT", pixels[at : at + size]) for at in range(0, len(pixels), size)]
    value = PNG + chunk(*header) + b"".join(pieces) + chunk(b"IEND")
    decoded = codec((100, 100), max_pixels=10_000).decode(value)
    np.testing.assert_array_equal(decoded[0], noise)


PICTURE = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
WAYS = {
    "grey": Image.fromarray(PICTURE[..., 0]),
    "rgb": Image.fromarray(PICTURE),
    "alpha": Image.fromarray(np.dstack([PICTURE, PICTURE[..., :1]])),
    "palette": Image.fromarray(PICTURE).quantize(16),
    "two colours": Image.fromarray(PICTURE[..., 0]).convert("1"),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_png_that_ends_early_is_refused_wherever_it_ends(name):
    whole = saved(WAYS[name])
    codec().decode(whole)
    for length in range(len(whole)):
        assert refused(whole[:length]) == "undecodable", length


@pytest.mark.parametrize("lines", range(4))
def test_a_png_with_fewer_lines_than_it_says_is_refused(lines):
    rows = b"".join(b"\0" + row.tobytes() for row in PICTURE[:lines, :, 0])
    assert refused(packed_png(zlib.compress(rows))) == "undecodable"
    unfinished = zlib.compressobj()
    all_rows = b"".join(b"\0" + row.tobytes() for row in PICTURE[..., 0])
    started = unfinished.compress(all_rows[: lines * 6]) + unfinished.flush(zlib.Z_SYNC_FLUSH)
    assert refused(packed_png(started)) == "undecodable"


def packed_png(packed, interlaced=0):
    header = ihdr(*SIZE, 8, 0)
    if interlaced:
        content = bytearray(header[8:21])
        content[12] = 1
        header = chunk(b"IHDR", bytes(content))
    return PNG + header + chunk(b"IDAT", packed) + chunk(b"IEND")


def test_an_interlaced_png_is_read_and_refused_if_it_ends_early():
    grey = PICTURE[..., 0]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]  # fmt: skip
    rows = b"".join(
        b"\0" + row.tobytes()
        for left, top, step, line_step in passes
        for row in grey[top::line_step, left::step]
        if row.size
    )
    assert (codec().decode(packed_png(zlib.compress(rows), 1))[0] == grey).all()
    for length in range(len(rows)):
        assert refused(packed_png(zlib.compress(rows[:length]), 1)) == "undecodable"


def test_a_jpeg_whose_pixels_end_early_is_refused_though_its_end_is_marked():
    noise = np.random.default_rng(1).integers(0, 256, (32, 40), dtype=np.uint8)
    whole = saved(Image.fromarray(noise), "JPEG", quality=95)
    own = {"shape": (32, 40), "max_pixels": 2000}
    codec(**own).decode(whole)
    scan = whole.index(b"\xff\xda")
    for length in range(scan, len(whole) - 40, 7):
        assert refused(whole[:length] + b"\xff\xd9", **own) == "undecodable", length


def test_what_follows_the_end_of_a_png_does_no_harm():
    codec().decode(saved(WAYS["grey"]) + b"a camera's own notes")

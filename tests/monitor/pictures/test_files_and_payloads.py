"""A file and the same bytes as a payload give the same pixels, or are refused for one reason."""

import io

import numpy as np
import pytest
from PIL import Image

from models.input_spec import InputSpec
from monitor.codecs import CodecSettings
from monitor.codecs.decoding import Decoder, Limits
from monitor.codecs.image import ImageCodec
from monitor.datasets import Reading, fitting
from monitor.errors import DataError, DecodeError

SIZE = (9, 7)
NOISE = np.random.default_rng(0).integers(0, 256, (7, 9, 4), dtype=np.uint8)
DEEP_PIXELS = NOISE[..., 0].astype(np.uint16) * 257 + np.arange(9, dtype=np.uint16)
COLOUR = Image.fromarray(NOISE[..., :3])
PICTURES = {
    "1": Image.fromarray(NOISE[..., 0]).convert("1"),
    "L": Image.fromarray(NOISE[..., 0]),
    "LA": Image.fromarray(NOISE).convert("LA"),
    "P": COLOUR.quantize(16),
    "RGB": COLOUR,
    "RGBA": Image.fromarray(NOISE),
    "CMYK": COLOUR.convert("CMYK"),
    "YCbCr": COLOUR.convert("YCbCr"),
    "I;16": Image.fromarray(DEEP_PIXELS),
}
WRITTEN = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "jpg": ("L", "RGB", "CMYK", "YCbCr"),
    "webp": ("L", "RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
    "tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"),
}
"""Modes that Pillow writes, by the format."""
OPTIONS = {
    "png": ({}, {"compress_level": 0}),
    "jpg": ({}, {"progressive": True}),
    "webp": ({}, {"lossless": True}),
    "bmp": ({},),
    "tif": (
        {}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"},
        {"compression": "packbits"}, {"compression": "jpeg"}, {"big_tiff": True},
    ),
}  # fmt: skip
SHAPES = {"grey": (7, 9), "colour": (7, 9, 3), "alpha": (7, 9, 4), "channels first": (3, 7, 9)}


def written(mode, suffix, image=None, **options):
    stream = io.BytesIO()
    form = Image.registered_extensions()[f".{suffix}"]
    (image or PICTURES[mode]).save(stream, form, **options)
    return stream.getvalue()


def of_a_file(folder, value, suffix, spec, reading=Reading()):  # noqa: B008
    folder.mkdir(exist_ok=True)
    (folder / f"a.{suffix}").write_bytes(value)
    records = fitting.load(str(folder), None, spec, reading).records
    return fitting.as_recorded(records, spec, str(folder))


def of_a_payload(value, spec, **settings):
    codec = ImageCodec(CodecSettings(spec.record_shape, spec.dtype, **settings))
    decoded = Decoder(codec, Limits(2**23, 1)).all([value, value])
    if decoded.failures:
        raise decoded.failures[0]
    alone = codec.decode(value)
    np.testing.assert_array_equal(decoded.rows, np.concatenate([alone, alone]))
    return alone


def spec_of(shape, dtype="uint8"):
    return InputSpec.fit(np.arange(2 * np.prod(shape)).reshape(2, *shape).astype(dtype))


def readable():
    for suffix, modes in WRITTEN.items():
        for mode in modes:
            for options in OPTIONS[suffix]:
                if options.get("compression") == "jpeg" and mode not in ("L", "RGB", "YCbCr"):
                    continue
                yield pytest.param(mode, suffix, options, id=f"{suffix}-{mode}-{options}")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("mode", "suffix", "options"), [*readable()])
def test_a_file_and_its_bytes_as_a_payload_have_the_same_pixels(
    tmp_path, mode, suffix, options, shape
):
    value, spec = written(mode, suffix, **options), spec_of(SHAPES[shape])
    if mode == "I;16":
        assert_both_refuse(tmp_path, value, suffix, spec, "wrong_dtype", "8 bits a channel exp")
        return
    rows = of_a_payload(value, spec)
    file = of_a_file(tmp_path, value, suffix, spec)
    assert (rows.dtype, rows.tobytes()) == (np.uint8, np.ascontiguousarray(file).tobytes())


LOSSLESS = [("png", {}), ("bmp", {}), ("webp", {"lossless": True}), *(
    ("tif", options) for options in OPTIONS["tif"] if options.get("compression") != "jpeg"
)]  # fmt: skip


@pytest.mark.parametrize(("suffix", "options"), LOSSLESS)
def test_pixels_without_loss_are_those_that_were_written(suffix, options):
    grey = of_a_payload(written("L", suffix, **options), spec_of((7, 9)))
    if suffix != "webp":  # which has no grey: it comes by way of colours
        np.testing.assert_array_equal(grey[0], NOISE[..., 0])
    assert np.abs(grey[0].astype(int) - NOISE[..., 0]).max() <= 1
    colour = of_a_payload(written("RGB", suffix, **options), spec_of((7, 9, 3)))
    np.testing.assert_array_equal(colour[0], NOISE[..., :3])


@pytest.mark.parametrize("options", [
    {}, {"compression": "tiff_lzw"}, {"compression": "tiff_deflate"}, {"big_tiff": True},
])  # fmt: skip
@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 1), (1, 7, 9)])
def test_a_model_of_16_bits_gets_all_16_from_files_and_payloads(tmp_path, suffix, options, shape):
    spec = spec_of(shape, "uint16")
    value = written("I;16", suffix, **(options if suffix == "tif" else {}))
    rows, file = of_a_payload(value, spec), of_a_file(tmp_path, value, suffix, spec)
    assert (rows.dtype, rows.shape) == (np.uint16, (1, *shape))
    np.testing.assert_array_equal(rows.reshape(7, 9), DEEP_PIXELS)
    np.testing.assert_array_equal(file.reshape(7, 9), DEEP_PIXELS)
    codec = ImageCodec(CodecSettings(shape, "uint16"))
    np.testing.assert_array_equal(codec.decode(codec.encode(rows[0])), rows)


def test_16_bits_in_the_other_byte_order_are_the_same_numbers(tmp_path):
    spec = spec_of((7, 9), "uint16")
    image = Image.frombytes("I;16B", SIZE, DEEP_PIXELS.astype(">u2").tobytes())
    value = written("", "tif", image)
    assert value.startswith(b"MM")
    np.testing.assert_array_equal(of_a_payload(value, spec)[0], DEEP_PIXELS)
    resized = of_a_payload(value, spec_of((7, 3), "uint16"), resized=True)
    expected = DEEP_PIXELS.reshape(7, 3, 3).mean(axis=2)
    assert np.abs(resized[0] - expected).max() <= 1


@pytest.mark.parametrize(("suffix", "mode"), [("png", "L"), ("tif", "RGB"), ("webp", "RGB"),
                                              ("jpg", "L"), ("bmp", "RGB")])  # fmt: skip
def test_a_model_of_16_bits_refuses_8_bits_from_files_and_payloads(tmp_path, suffix, mode):
    spec = spec_of((7, 9), "uint16")
    expected = "16 bits a channel expected, got 8"
    assert_both_refuse(tmp_path, written(mode, suffix), suffix, spec, "wrong_dtype", expected)


def assert_both_refuse(folder, value, suffix, spec, reason, text):
    with pytest.raises(DecodeError, match=text) as caught:
        of_a_payload(value, spec)
    assert caught.value.reason == reason
    with pytest.raises(DataError, match=text) as told:
        of_a_file(folder, value, suffix, spec)
    assert str(told.value).startswith(str(folder / f"a.{suffix}"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_files_and_payloads_are_turned_alike(tmp_path, suffix, mode, orientation):
    if mode not in WRITTEN[suffix]:
        return
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = PICTURES[mode]
    if orientation in (5, 6, 7, 8):
        stored = stored.transpose(Image.Transpose.ROTATE_90)
    options = {"lossless": True} if suffix == "webp" else {}
    value = written("", suffix, stored, exif=exif, **options)
    dtype = "uint16" if mode == "I;16" else "uint8"
    spec = spec_of((7, 9, 3) if mode == "RGB" else (7, 9), dtype)
    rows, file = of_a_payload(value, spec), of_a_file(tmp_path, value, suffix, spec)
    np.testing.assert_array_equal(rows, file)
    plain = of_a_payload(written("", suffix, stored, **options), turned(spec, orientation))[0]
    turns = {
        1: plain, 2: plain[:, ::-1], 3: plain[::-1, ::-1], 4: plain[::-1],
        5: plain.swapaxes(0, 1), 6: np.rot90(plain, -1), 7: plain[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(plain),
    }  # fmt: skip
    np.testing.assert_array_equal(rows[0], turns[orientation])


def turned(spec, orientation):
    height, width, *channels = spec.record_shape
    sides = (width, height) if orientation in (5, 6, 7, 8) else (height, width)
    return spec_of((*sides, *channels), spec.dtype)


@pytest.mark.parametrize("suffix", WRITTEN)
@pytest.mark.parametrize("size", [(90, 70), (9, 7), (4, 70)])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
def test_files_and_payloads_are_resized_alike(tmp_path, suffix, size, shape):
    spec, large = spec_of(shape), PICTURES["RGB"].resize(size)
    value = written("", suffix, large)
    rows = of_a_payload(value, spec, resized=True)
    file = of_a_file(tmp_path, value, suffix, spec, Reading(resize=SIZE))
    np.testing.assert_array_equal(rows, file)
    if size != SIZE:
        with pytest.raises(DecodeError, match="9 x 7 pixels expected") as caught:
            of_a_payload(value, spec)
        assert caught.value.reason == "wrong_shape"


def test_a_picture_to_be_resized_may_have_no_more_pixels_than_allowed():
    value = written("", "png", PICTURES["L"].resize((90, 70)))
    with pytest.raises(DecodeError, match="90 x 70 pixels, more than 6000") as caught:
        of_a_payload(value, spec_of((7, 9)), resized=True, max_pixels=6000)
    assert caught.value.reason == "oversized"


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_several_pictures_in_one_file_are_refused_by_both(tmp_path, suffix):
    more = [Image.new("RGB", SIZE, (level, 0, 0)) for level in (1, 99)]
    value = written("", suffix, more[0], save_all=True, append_images=more[1:])
    expected = "it holds several pictures"
    assert_both_refuse(tmp_path, value, suffix, spec_of((7, 9)), "wrong_shape", expected)


@pytest.mark.parametrize(("mode", "suffix", "options"), [*readable()])
def test_a_file_that_was_cut_off_is_refused_wherever_it_ends(mode, suffix, options):
    value = written(mode, suffix, **options)
    spec = spec_of((7, 9), "uint16" if mode == "I;16" else "uint8")
    whole = of_a_payload(value, spec)
    for length in [*range(1, len(value), 1 + len(value) // 40), *range(len(value) - 9, len(value))]:
        try:
            rows = of_a_payload(value[:length], spec)
        except DecodeError as error:
            assert error.reason == "undecodable", (length, str(error))
        else:  # what was cut off was nothing that counts
            assert length > 0.9 * len(value) or suffix == "tif", length
            np.testing.assert_array_equal(rows, whole)


def test_the_daemon_and_files_read_no_other_formats(tmp_path):
    for form in ("GIF", "PPM", "ICO", "JPEG2000"):
        stream = io.BytesIO()
        PICTURES["L"].save(stream, form)
        value = stream.getvalue()
        spec, expected = spec_of((7, 9)), "not a PNG, JPEG, WebP, BMP or TIFF"
        assert_both_refuse(tmp_path, value, "png", spec, "undecodable", expected)

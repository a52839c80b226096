"""The daemon reads pictures as the model's training data were read, 16 bits and --resize too."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models import recipe
from models.bundle import Bundle, load
from models.conduct import Conduct
from models.description import Description
from models.settings import TrainingSettings
from monitor.config.codec import CodecConfig
from monitor.daemon.assembly.codec import build_codec, build_decoder, is_resized
from monitor.datasets import Reading, fitting
from monitor.datasets import load as load_files
from monitor.errors import ConfigError, DecodeError
from monitor.retrain_job.settings import inherited_roles

QUICK = TrainingSettings(architecture="dense", epochs=1, device="cpu")
RNG = np.random.default_rng(0)
RESIZED = {"roles": {"resize": [16, 12]}}


def photo(mode: str, suffix: str, size: tuple[int, int] = (160, 120), **options: Any) -> bytes:
    pixels = RNG.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    stream = io.BytesIO()
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode)
    image.save(stream, Image.registered_extensions()[f".{suffix}"], **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def resized(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model of pictures that `train --resize 16x12` has brought to that size."""
    folder = tmp_path_factory.mktemp("resized")
    (folder / "photos").mkdir()
    for i in range(60):
        (folder / "photos" / f"{i}.jpg").write_bytes(photo("RGB", "jpg", (80 + i, 60)))
    records = load_files(str(folder / "photos"), reading=Reading(resize=(16, 12))).records
    recipe.train(records, folder / "model", QUICK, Conduct(card=False), Description(read=RESIZED))
    return load(folder / "model")


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", "jpg"), ("L", "png"), ("RGB", "webp"), ("P", "bmp"), ("CMYK", "tif")],
)
def test_payloads_of_any_size_are_resized_as_those_that_the_model_learned(
    resized: Bundle, tmp_path: Path, mode: str, suffix: str
) -> None:
    assert is_resized(resized)
    value, spec = photo(mode, suffix), resized.input_spec
    (tmp_path / f"a.{suffix}").write_bytes(value)
    expected = fitting.load(str(tmp_path), None, spec, Reading(resize=(16, 12))).records
    decode = build_decoder(CodecConfig(name="image"), spec, is_resized(resized))
    np.testing.assert_array_equal(decode(value), expected)
    np.testing.assert_array_equal(decode.all([value]).rows, expected)


def test_a_candidate_for_such_a_model_resizes_too(resized: Bundle, tmp_path: Path) -> None:
    rows = RNG.integers(0, 256, (60, 12, 16, 3), dtype=np.uint8)
    described = Description(read=inherited_roles(resized))
    recipe.train(rows, tmp_path / "next", QUICK, Conduct(card=False), described)
    assert is_resized(load(tmp_path / "next"))


def test_without_resize_another_size_stays_refused(resized: Bundle) -> None:
    metadata = {**resized.metadata, "data": {"records": 60}}
    plain = replace(resized, metadata=metadata)
    assert not is_resized(plain)
    decode = build_decoder(CodecConfig(name="image"), plain.input_spec, is_resized(plain))
    with pytest.raises(DecodeError, match="16 x 12 pixels expected, got 160 x 120"):
        decode(photo("RGB", "png"))


def test_a_size_that_is_not_that_of_the_records_resizes_nothing(resized: Bundle) -> None:
    data = {"read": {"roles": {"resize": [12, 16]}}}
    assert not is_resized(replace(resized, metadata={**resized.metadata, "data": data}))


def test_a_model_of_16_bits_takes_pictures_of_16_bits(resized: Bundle) -> None:
    rows = RNG.integers(0, 65_536, (60, 12, 16), dtype=np.uint16)
    spec = type(resized.input_spec).fit(rows)
    codec = CodecConfig(name="image")
    decode = build_decoder(codec, spec)
    value = build_codec(codec, spec).encode(rows[0])
    np.testing.assert_array_equal(decode(value), rows[:1])
    with pytest.raises(DecodeError, match="16 bits a channel expected, got 8"):
        decode(photo("L", "png", (16, 12)))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_pictures_that_no_file_holds_are_refused_at_the_start(resized: Bundle, dtype: str) -> None:
    rows = RNG.integers(0, 256, (60, 12, 16, 3)).astype(dtype)
    spec = type(resized.input_spec).fit(rows)
    with pytest.raises(ConfigError, match=r"uint16 of grey|16 bits have one channel"):
        build_codec(CodecConfig(name="image"), spec)

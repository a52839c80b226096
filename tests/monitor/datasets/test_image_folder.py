"""Folders of pictures."""

import numpy as np
import pytest
from PIL import Image

from monitor.datasets import load
from monitor.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Three grey pictures, named against the order in which they were written."""
    for level, name in enumerate(("c.png", "a.PNG", "b.bmp")):
        Image.new("L", (9, 8), level).save(tmp_path / name)
    return tmp_path


def refused(folder):
    with pytest.raises(DataError) as caught:
        load(str(folder))
    return str(caught.value)


def test_pictures_come_in_the_order_of_their_names(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("no picture")
    data = load(str(folder))
    assert data.records.shape == (3, 8, 9)
    assert data.records.dtype == np.uint8
    assert data.records[:, 0, 0].tolist() == [1, 2, 0]
    assert data.names == ("a.PNG", "b.bmp", "c.png")
    assert data.name(2) == "c.png"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_one_picture_in_colour_makes_all_of_them_rgb(folder, mode):
    Image.new("RGB", (9, 8), (200, 10, 90)).convert(mode).save(folder / "d.png")
    records = load(str(folder)).records
    assert records.shape == (4, 8, 9, 3)
    assert records[0, 0, 0].tolist() == [1, 1, 1]


def test_damaged_exif_and_odd_palettes_are_good_pictures(folder):
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x10garbage"
    Image.new("L", (9, 8)).save(folder / "d.jpg", exif=exif)
    Image.new("P", (9, 8)).save(folder / "e.png", transparency=bytes(range(256)))
    assert load(str(folder)).records.shape == (5, 8, 9, 3)


def test_labels_choose_pictures_and_only_those_are_read(folder):
    (folder / "b.bmp").write_bytes(b"damaged")
    np.save(folder / "labels.npy", [1, 0, 1])
    data = load(str(folder), f"{folder / 'labels.npy'}=1")
    assert data.names == ("a.PNG", "c.png")
    assert data.index.tolist() == [0, 2]


def test_another_size_is_refused_with_the_file(folder):
    Image.new("L", (9, 9)).save(folder / "d.png")
    assert refused(folder).startswith(f"{folder / 'd.png'}: 9 x 9 pixels, but a.PNG has 9 x 8.")


@pytest.mark.parametrize("mode", ["I;16", "RGB;16"])
def test_more_than_8_bits_a_channel_is_refused_with_the_file(folder, mode):
    if mode == "I;16":
        Image.fromarray(np.zeros((8, 9), np.uint16)).save(folder / "d.png")
    else:
        _save_deep_colour(folder / "d.png")
    assert refused(folder).startswith(f"{folder / 'd.png'}: 8 bits a channel expected")


def _save_deep_colour(path):
    """A picture with 16 bits a channel, which Pillow cannot write."""
    from tests.monitor.codecs.test_image import png

    path.write_bytes(png(16, 2, 3))


def test_an_animation_is_refused_with_the_file(folder):
    frames = [Image.new("L", (9, 8), level) for level in (1, 2)]
    frames[0].save(folder / "d.png", save_all=True, append_images=frames[1:])
    assert refused(folder).startswith(f"{folder / 'd.png'}: it holds several pictures")


@pytest.mark.parametrize("share", [0, 0.3, 0.7])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_a_damaged_picture_is_refused_with_the_file(folder, suffix, share):
    path = folder / f"d.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (8, 9), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert refused(folder).startswith(f"{path}: cannot be read as a picture")


def test_a_folder_without_pictures_is_refused(tmp_path):
    assert "there are no pictures" in refused(tmp_path)

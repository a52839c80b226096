"""Folders of pictures."""

import numpy as np
import pytest
from PIL import Image

from models.input_spec import InputSpec
from monitor.datasets import Reading, fitting, load
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


@pytest.mark.parametrize("mode", ["RGB;16", "F"])
def test_more_than_8_bits_a_channel_is_refused_with_the_file(folder, mode):
    path = folder / ("d.png" if mode == "RGB;16" else "d.tif")
    if mode == "F":
        Image.fromarray(np.zeros((8, 9), np.float32)).save(path)
    else:
        _save_deep_colour(path)
    assert refused(folder).startswith(f"{path}: 8 bits a channel expected")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_of_grey_are_read_unless_they_are_mixed_with_8(folder, tmp_path, suffix):
    deep = np.arange(72, dtype=np.uint16).reshape(8, 9) * 900
    Image.fromarray(deep).save(folder / f"d.{suffix}")
    assert "8 bits a channel, but d." in refused(folder)
    (tmp_path / "deep").mkdir()
    Image.fromarray(deep).save(tmp_path / "deep" / f"d.{suffix}")
    records = load(str(tmp_path / "deep")).records
    assert (records.dtype, records[0].tolist()) == (np.uint16, deep.tolist())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_exif_says(tmp_path, orientation):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    stored = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    turned = {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.T,
        6: np.rot90(pixels, -1), 7: pixels[::-1, ::-1].T, 8: np.rot90(pixels),
    }  # fmt: skip
    assert load(str(tmp_path)).records[0].tolist() == turned[orientation].tolist()


def test_numbers_in_names_count_and_folders_below_belong_to_it(tmp_path, capsys):
    for name in ("frame_10", "frame_2", "good/b", "good/a", ".thumbnails/x"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (3, 3)).save(path)
    (tmp_path / "good" / "notes.txt").write_text("no picture")
    names = load(str(tmp_path)).names
    assert names == ("frame_2.png", "frame_10.png", "good/a.png", "good/b.png")
    assert "left out: 1 files that are no pictures (1 .txt)" in capsys.readouterr().err


def test_pictures_are_brought_to_a_size_that_was_asked_for(tmp_path):
    Image.new("RGB", (40, 30), (9, 90, 200)).save(tmp_path / "a.jpg")
    Image.new("RGB", (400, 300), (9, 90, 200)).save(tmp_path / "b.png")
    records = load(str(tmp_path), reading=Reading(resize=(4, 3))).records
    assert records.shape == (2, 3, 4, 3)
    assert abs(records.astype(int) - [9, 90, 200]).max() <= 3


@pytest.mark.parametrize(("mode", "shape"), [("L", (8, 9)), ("RGB", (8, 9, 3))])
def test_a_model_gets_grey_or_colour_as_it_knows_them(folder, mode, shape):
    Image.new("RGB", (9, 8), (200, 10, 90)).save(folder / "d.png")
    spec = InputSpec.fit(np.zeros((2, *shape), np.uint8))
    records = fitting.load(str(folder), None, spec).records
    expected = Image.new("RGB", (9, 8), (200, 10, 90)).convert(mode)
    assert records[3].tolist() == np.asarray(expected).tolist()


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


def test_all_damaged_pictures_are_counted_at_once(folder):
    for name in ("d", "e"):
        (folder / f"{name}.png").write_bytes(b"\x89PNG no more")
    said = refused(folder)
    assert said.startswith(f"{folder / 'd.png'}: cannot be read as a picture")
    assert said.endswith("Replace it, or take it out of the folder (2 of 5 pictures are like that)")


def test_all_of_another_size_are_counted_at_once(folder):
    for name in ("d", "e", "f"):
        Image.new("L", (3, 3)).save(folder / f"{name}.png")
    assert "(3 of 6 pictures are like that). Bring all pictures to one size" in refused(folder)

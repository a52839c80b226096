"""The camera of the demonstrations, and the file that breaks it."""

import numpy as np
import pytest

from monitor.demo import digits
from monitor.demo.camera import LOOK_SECONDS, Camera, Switch
from monitor.demo.drifts import DRIFTS

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)


class Bench:
    """A switch with its file, and a clock that goes on by one look before each question."""

    def __init__(self, folder):
        self.file = folder / "drift"
        self.said = []
        self.now = 0.0
        self.switch = Switch(self.file, self.said.append, lambda: self.now)

    def asked(self, content, later=LOOK_SECONDS):
        self.file.write_text(content)
        self.now += later
        return self.switch.drift()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.parametrize("name", DRIFTS)
def test_the_file_names_the_fault(bench, name):
    assert bench.asked(f"{name}\n") is DRIFTS[name]
    assert bench.said[0].startswith(f"the camera changes: {name}. ")


@pytest.mark.parametrize("content", ["", "\n", "none", "none\n"])
def test_an_empty_file_and_none_repair_the_camera(bench, content):
    bench.asked("rotate")
    assert bench.asked(content) is None
    assert bench.said[1:] == ["the camera is in order: normal digits"]


def test_a_missing_file_is_a_camera_in_order(bench):
    assert bench.switch.drift() is None
    assert bench.said == []


def test_the_file_is_obeyed_from_the_first_picture_on(tmp_path):
    (tmp_path / "drift").write_text("invert")
    camera = Camera(IMAGES, Switch(tmp_path / "drift", lambda text: None))
    normal = Camera(IMAGES, Switch(None, lambda text: None))
    np.testing.assert_array_equal(camera.take(5), 255 - normal.take(5))


def test_without_a_file_nothing_is_ever_wrong():
    assert Switch(None, pytest.fail).drift() is None


def test_the_file_is_looked_at_once_a_second(bench):
    bench.switch.drift()
    assert bench.asked("fade", later=LOOK_SECONDS / 2) is None
    assert bench.asked("fade", later=LOOK_SECONDS / 2) is DRIFTS["fade"]


@pytest.mark.parametrize("content", ["fog", "fade rotate", "\ufffd" * 5000])
def test_a_name_that_no_fault_has_is_told_once_and_changes_nothing(bench, content):
    bench.asked("fade")
    assert bench.asked(content) is DRIFTS["fade"]
    assert bench.asked(content) is DRIFTS["fade"]
    (line,) = bench.said[1:]
    assert line.endswith("is none of none, " + ", ".join(DRIFTS) + "; nothing changes")
    assert len(line) < 700


def test_a_file_that_cannot_be_read_is_told_once_and_changes_nothing(bench):
    bench.asked("fade")
    bench.file.unlink()
    bench.file.mkdir()
    for _ in range(2):
        bench.now += LOOK_SECONDS
        assert bench.switch.drift() is DRIFTS["fade"]
    assert bench.said[1:] == [f"{bench.file}: cannot be read: Is a directory; nothing changes"]


def test_pictures_are_chosen_from_all_images():
    camera = Camera(IMAGES, Switch(None, pytest.fail))
    taken = np.concatenate([camera.take(50) for _ in range(20)])
    assert {image.tobytes() for image in taken} == {image.tobytes() for image in IMAGES}


def sharpness(images):
    """Mean difference between neighbouring pixels, in both directions."""
    values = images.astype(np.float32)
    return sum(np.abs(np.diff(values, axis=axis)).mean() for axis in (1, 2))


def test_a_turned_picture_is_as_sharp_as_before_and_only_a_blurred_one_is_not():
    # Else the one change would hide the other: what is blurred is easier to reconstruct.
    images = digits.load()[:500]
    rng = np.random.default_rng(0)
    kept = {name: sharpness(DRIFTS[name](images, rng)) / sharpness(images) for name in DRIFTS}
    assert kept["rotate"] == pytest.approx(1, abs=0.03)
    assert kept["defocus"] < 0.8

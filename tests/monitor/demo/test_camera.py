"""The camera of the demonstrations, and the file that breaks it."""

import numpy as np
import pytest

from monitor.demo import digits
from monitor.demo.camera import CAMERAS, FAULTS, LOOK_SECONDS, SILENT, Cameras, Fault, Switch
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
        return self.switch.fault()


def pictures(cameras, count):
    return np.stack([picture for _, picture in cameras.take(count)])


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.mark.parametrize("name", FAULTS)
def test_the_file_names_the_fault(bench, name):
    assert bench.asked(f"{name}\n") == Fault(name)
    assert bench.said[0].startswith(f"the camera changes: {name}. ")


@pytest.mark.parametrize("content", ["", "\n", "none", "none\n"])
def test_an_empty_file_and_none_repair_the_camera(bench, content):
    bench.asked("rotate")
    assert bench.asked(content) is None
    assert bench.said[1:] == ["the camera is in order: normal digits"]


def test_a_missing_file_is_a_camera_in_order(bench):
    assert bench.switch.fault() is None
    assert bench.said == []


def test_the_file_is_obeyed_from_the_first_picture_on(tmp_path):
    (tmp_path / "drift").write_text("invert")
    cameras = Cameras(IMAGES, Switch(tmp_path / "drift", lambda text: None))
    normal = Cameras(IMAGES, Switch(None, lambda text: None))
    np.testing.assert_array_equal(pictures(cameras, 5), 255 - pictures(normal, 5))


def test_without_a_file_nothing_is_ever_wrong():
    assert Switch(None, pytest.fail).fault() is None


def test_the_file_is_looked_at_once_a_second(bench):
    bench.switch.fault()
    assert bench.asked("fade", later=LOOK_SECONDS / 2) is None
    assert bench.asked("fade", later=LOOK_SECONDS / 2) == Fault("fade")


@pytest.mark.parametrize("content", ["fog", "fog camera-1", "\ufffd" * 5000])
def test_a_name_that_no_fault_has_is_told_once_and_changes_nothing(bench, content):
    bench.asked("fade")
    assert bench.asked(content) == Fault("fade")
    assert bench.asked(content) == Fault("fade")
    (line,) = bench.said[1:]
    assert line.endswith("is none of none, " + ", ".join(FAULTS) + "; nothing changes")
    assert len(line) < 700


def test_a_file_that_cannot_be_read_is_told_once_and_changes_nothing(bench):
    bench.asked("fade")
    bench.file.unlink()
    bench.file.mkdir()
    for _ in range(2):
        bench.now += LOOK_SECONDS
        assert bench.switch.fault() == Fault("fade")
    assert bench.said[1:] == [f"{bench.file}: cannot be read: Is a directory; nothing changes"]


def test_pictures_are_chosen_from_all_images():
    cameras = Cameras(IMAGES, Switch(None, pytest.fail))
    taken = np.concatenate([pictures(cameras, 50) for _ in range(20)])
    assert {image.tobytes() for image in taken} == {image.tobytes() for image in IMAGES}


def test_a_camera_that_there_is_not_is_told_and_changes_nothing(bench):
    assert bench.asked("fade rotate") is None
    assert bench.said[0].endswith(f"'rotate' is none of {', '.join(CAMERAS)}; nothing changes")


def test_the_cameras_take_turns():
    cameras = Cameras(IMAGES, Switch(None, pytest.fail))
    whose = [camera for _ in range(4) for camera, _ in cameras.take(3)]
    assert whose == 3 * list(CAMERAS)


def test_one_camera_alone_has_the_fault(tmp_path):
    (tmp_path / "drift").write_text("invert camera-2\n")
    said = []
    broken = list(Cameras(IMAGES, Switch(tmp_path / "drift", said.append)).take(8))
    normal = list(Cameras(IMAGES, Switch(None, pytest.fail)).take(8))
    for (camera, picture), (_, usual) in zip(broken, normal, strict=True):
        np.testing.assert_array_equal(picture, 255 - usual if camera == "camera-2" else usual)
    assert said == ["camera-2 changes: invert. Somebody changed the polarity: black is white."]


@pytest.mark.parametrize(("asked", "left"), [(SILENT, 0), (f"{SILENT} camera-4", 6)])
def test_a_silent_camera_sends_nothing(tmp_path, asked, left):
    (tmp_path / "drift").write_text(asked)
    cameras = Cameras(IMAGES, Switch(tmp_path / "drift", lambda text: None))
    assert [camera for camera, _ in cameras.take(8)] == [*CAMERAS[:3], *CAMERAS[:3]][:left]


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

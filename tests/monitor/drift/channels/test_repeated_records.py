"""The same record again and again, as a camera that hangs sends it, whatever the model."""

import numpy as np
import pytest

from models.architectures import ARCHITECTURES
from models.bundle import Bundle
from models.description import Description
from models.engines import engine_for
from models.recipe import train
from models.settings import TrainingSettings
from models.views import View
from monitor.drift.channels.compared import GROUPS
from tests.monitor.builders import normal_errors
from tests.monitor.drift.channels.tables import events, feed, judge

SOLVED = ("ladder", "linear", "edges", "patches")
OF_SERIES = ("temporal",)
OF_PICTURES = ("edges", "patches", "convolutional", "convolutional-variational")


def records_for(name: str, count: int, long: bool = False) -> np.ndarray:
    rng = np.random.default_rng(len(name))
    if name in OF_PICTURES:
        return rng.integers(0, 255, (count, 16, 16), dtype=np.uint8)
    shape = (16, 3) if name in OF_SERIES else (300,) if long else (12,)
    return rng.standard_normal((count, *shape)).astype(np.float32)


def trained(name: str, records: np.ndarray, folder) -> Bundle:
    settings = TrainingSettings(name, ordered=True, **({} if name in SOLVED else {"epochs": 1}))
    layout = "series" if name in OF_SERIES else ""
    return train(records, folder / "model", settings, described=Description(layout=layout))


@pytest.mark.parametrize(
    ("name", "long"),
    [(name, False) for name in ARCHITECTURES] + [("dense", True), ("ladder", True)],
)
def test_what_is_seen_in_a_record_is_the_same_in_whatever_batch_it_comes(name, long, tmp_path):
    made = trained(name, records_for(name, 300, long), tmp_path)
    views = made.channels.views
    engine = engine_for(made.model, made.input_spec, made.error_metric, views=views)
    repeated = np.repeat(records_for(name, 300, long)[:1], 400, axis=0)
    parts = np.split(repeated, [1, 3, 9, 73, 329])
    seen = np.concatenate([engine.with_views(part)[1] for part in parts])
    alone = [i for i, view in enumerate(views.all) if is_of_the_record_alone(view)]
    assert (seen[:, alone] == seen[:1, alone]).all()
    assert alone or long
    watched = [i for i, view in enumerate(views.all) if view.group in GROUPS]
    assert watched
    assert (seen[9:, watched] == seen[9:10, watched]).all()


def is_of_the_record_alone(view: View) -> bool:
    """No matrix comes between the record and this."""
    return view.group in GROUPS and "residual" not in view.name and view.group != "direction"


@pytest.fixture(scope="module")
def camera(tmp_path_factory) -> Bundle:
    folder = tmp_path_factory.mktemp("camera")
    return trained("convolutional", records_for("convolutional", 6000), folder)


def test_a_camera_that_hangs_is_told_within_two_blocks(camera):
    engine = engine_for(
        camera.model, camera.input_spec, camera.error_metric, views=camera.channels.views
    )
    frames = records_for("convolutional", 6000)
    frames[5000:] = frames[5000]
    seen = engine.with_views(frames)[1][:, camera.channels.kept]
    told = feed(judge(camera.channels), normal_errors(len(frames), 3), seen)
    rows, change = next((r, c) for r, c in told if c.transition.event == "firing")
    assert rows <= 5000 + 3 * 64
    named = {each.channel: each.direction for each in change.alert.verdict.channels}
    assert named["brightness"] == named["contrast"] == named["sharpness"] == "stuck"
    assert "`brightness` is stuck at 0.5" in change.alert.verdict.explanation
    assert events(told)[0] == "pending"

"""What is seen of large and of hostile rows stays within its bounds."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.explanation import Explained, Explanation, FeatureShare, LeftOut, Place
from models.input_spec import InputSpec
from models.reconstruction import Reconstructions
from monitor.evidence.folder import MOST_BYTES, EvidenceFolder, image_of
from monitor.evidence.kept import BASE_BYTES, CONTENTS_BYTES, PICTURE_BYTES, SIZE
from monitor.evidence.looking import STEPS, Budget, Looker, fitting
from monitor.evidence.ring import KEPT_BYTES, NORMAL, SAMPLES_BYTES, TOP, Ring
from monitor.evidence.thumbnail import SIDE, thumbnail
from monitor.pipeline.picks import Pick, Seen, Why
from tests.monitor.builders import VERSION


class Says:
    def __init__(self, found: Explained) -> None:
        self._found = found

    def explain(self, rows: NDArray[Any]) -> list[Explained]:
        return [self._found] * len(rows)


def picture_spec(channels: int, height: int, width: int) -> InputSpec:
    layout = "HWC" if channels > 1 else "HW"
    return InputSpec(
        (channels, height, width), layout, "uint8", (0.0,) * channels, (255.0,) * channels
    )  # fmt: skip


def noise(spec: InputSpec, seed: int = 0) -> Reconstructions:
    generator = np.random.default_rng(seed)
    made = [generator.uniform(0, 255, (1, *spec.shape)).astype(np.float32) for _ in range(2)]
    return Reconstructions(*made, (made[0] - made[1]) ** 2)


@pytest.mark.parametrize(
    "shape", [(3, 224, 224), (1, 28, 28), (4, 1000, 7), (2, 1, 500), (1, 1, 1)]
)
def test_a_small_picture_has_three_parts_of_bounded_sides(shape: tuple[int, int, int]) -> None:
    spec = picture_spec(*shape)
    data = thumbnail(spec, noise(spec))
    shown = Image.open(io.BytesIO(data))
    side = (shown.width - 4) // 3
    assert max(side, shown.height) == min(SIDE, max(shape[1:]))
    assert min(side, shown.height) >= 1
    alpha = np.asarray(shown.getchannel("A"))  # nothing between the parts, on a dark page, too
    assert (alpha[:, [side, side + 1, 2 * side + 2, 2 * side + 3]] == 0).all()
    assert (np.delete(alpha, [side, side + 1, 2 * side + 2, 2 * side + 3], axis=1) == 255).all()
    assert len(data) <= PICTURE_BYTES


def test_values_that_are_not_finite_can_be_drawn() -> None:
    spec = picture_spec(1, 8, 8)
    made = noise(spec)
    for part in (made.original, made.reconstruction, made.element_error):
        part[0, 0, 0, :3] = np.nan, np.inf, -np.inf
    assert Image.open(io.BytesIO(thumbnail(spec, made))).size == (28, 8)


def test_large_pictures_stay_within_the_bounds_in_memory_and_on_disk(tmp_path: Path) -> None:
    spec = picture_spec(3, 224, 224)
    looker = Looker(
        spec, Says(Explanation(0.0, place=Place(0, 0, 9, 9, 0.5, 0.1))),
        lambda rows: noise(spec, int(rows.flat[0])),
    )  # fmt: skip
    ring, folder = Ring(contents=True, model_version=VERSION), EvidenceFolder(tmp_path)
    for pane in range(1, 6):
        for i in range(2 * NORMAL):
            offset = 100 * pane + i
            sample = np.full((1, 224, 224, 3), offset % 251, dtype=np.float32)
            why = Why.NORMAL if i % 2 else Why.ANOMALY
            ring.take([Pick(0, why, seen(offset, sample), tag=1 / (1 + i), pane=pane)])
            held = sum(
                k.seen.sample.nbytes for k in ring.rows.values() if k.seen.sample is not None
            )
            assert held <= SAMPLES_BYTES
            kept = next(ring.waiting(), None)
            if kept is not None and kept.seen.sample is not None:
                kept.show(looker.look(kept.seen.sample))
            ring.sweep()
            assert sum(kept.size for kept in ring.rows.values()) <= KEPT_BYTES
        folder.write(image_of(ring))
        assert sum(p.stat().st_size for p in folder.path.iterdir()) <= MOST_BYTES // 2
    assert len(ring.top) == TOP
    assert len(list(folder.path.glob("*.png"))) > TOP


def seen(offset: int, sample: NDArray[Any] | None = None) -> Seen:
    return Seen(
        VERSION, "in", 0, offset, 0, offset, offset, None, float(offset), 0.5, 1.0, sample
    )  # fmt: skip


def test_rows_that_wait_are_left_out_once_there_is_no_room_for_them() -> None:
    ring = Ring(contents=True, model_version=VERSION)
    each = np.zeros((1, SAMPLES_BYTES // 4), dtype=np.uint8)
    ring.take([Pick(0, Why.ANOMALY, seen(i, each)) for i in range(8)])
    assert [kept.left_out for kept in ring.rows.values()].count(SIZE) == 4
    assert [ring.rows[id].left_out for id in ring.top[:4]] == ["waiting"] * 4


def test_contents_without_end_are_cut_to_whole_features() -> None:
    features = [{"name": "\U0001f600" * 200, "value": "\x00" * 200, "share": 0.1}] * 12
    found = fitting(features)
    assert found.features and found.left_out == SIZE
    assert len(json.dumps(found.features)) <= CONTENTS_BYTES
    assert fitting([{"name": "x" * 20_000}]).features is None
    assert fitting([{"name": "x"}]).left_out is None
    assert BASE_BYTES + CONTENTS_BYTES + PICTURE_BYTES < KEPT_BYTES // 20


def test_a_long_series_is_thinned() -> None:
    spec = InputSpec((2, 1000), "series", "float32", (0.0, 0.0), (1.0, 1.0))
    named = FeatureShare("feature 1", 0.9, 1.0, 2.0, (3, 5), 4)
    made = Reconstructions(
        np.arange(2000, dtype=np.float32).reshape(1, 2, 1000), np.zeros((1, 2, 1000), np.float32),
        np.zeros((1, 2, 1000), np.float32),
    )  # fmt: skip
    (feature,) = (
        Looker(spec, Says(Explanation(0.1, (named,))), lambda rows: made)
        .look(np.zeros((1, 2, 1000)))
        .features
        or ()
    )
    assert feature["every"] == -(-1000 // STEPS)
    assert feature["course"] == [1000.0 + i for i in range(0, 1000, feature["every"])]
    assert len(feature["expected_course"]) <= STEPS
    assert (feature["steps"], feature["worst_step"]) == ([3, 5], 4)


def test_a_model_that_says_nothing_more_is_left_out() -> None:
    spec = picture_spec(1, 8, 8)
    found = Looker(spec, Says(LeftOut("model")), lambda rows: noise(spec)).look(np.zeros((1, 8, 8)))
    assert (found.left_out, found.picture, found.features) == ("model", None, None)


def test_large_records_are_looked_at_less_often() -> None:
    now = [0.0]
    budget = Budget(0.5, lambda: now[0])
    spent = 0
    for _ in range(100):
        now[0] += 0.1
        spent += budget.spend()
    assert spent == 5  # one at once, and one each two seconds

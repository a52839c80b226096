import json

import numpy as np
import pytest

from models.description import Description
from models.errors import ShapeError
from models.input_spec import InputSpec
from models.recipe import TrainingSettings, train
from models.windows import Window, windows_of
from monitor.pipeline.scorer import Scorer

STEPS = np.arange(20, dtype=np.float32).reshape(10, 2)


@pytest.mark.parametrize(
    ("length", "stride", "ends"),
    [(4, 2, [3, 5, 7, 9]), (4, 1, [*range(3, 10)]), (10, 3, [9]), (11, 1, []), (3, 3, [2, 5, 8])],
)  # fmt: skip
def test_windows_begin_at_every_stride(length, stride, ends):
    made, last = windows_of(STEPS, Window(length, stride))
    assert last.tolist() == ends
    assert made.shape == (len(ends), length, 2)
    for window, end in zip(made, ends, strict=True):
        assert np.array_equal(window, STEPS[end - length + 1 : end + 1])


def test_each_series_has_windows_of_its_own_in_the_order_in_which_they_are_complete():
    machines = np.array(list("aabababbba"))
    made, last = windows_of(STEPS, Window(3), machines)
    assert last.tolist() == [3, 5, 6, 7, 8, 9]
    assert made[:, :, 0].tolist() == [
        [0, 2, 6], [2, 6, 10], [4, 8, 12], [8, 12, 14], [12, 14, 16], [6, 10, 18],
    ]  # fmt: skip


@pytest.mark.parametrize("length", [2, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_it_does_not_matter_how_the_steps_come(length, stride):
    window = Window(length, stride)
    whole = window.ends(50).tolist()
    for cut in range(51):
        first, second = window.ends(cut), window.ends(50 - cut, before=cut) + cut
        assert [*first.tolist(), *second.tolist()] == whole


@pytest.mark.parametrize("values", [(1,), (2, 3), (4, 0), (1 << 20,), (4.0,), (4, True)])
def test_what_is_no_window_is_refused(values):
    with pytest.raises(ValueError, match=r"steps|stride"):
        Window(*values)


def signals(count, seed):
    """Two channels whose scales lie 10^7 apart."""
    rng, time = np.random.default_rng(seed), np.arange(count)
    noise = 0.1 * rng.normal(size=(count, 2))
    return (np.column_stack([np.sin(time / 5), np.cos(time / 5)]) + noise) * (1, 1e7)


@pytest.fixture(scope="module", params=[16, 21])
def trained(request, tmp_path_factory):
    window = Window(request.param, 2, "machine")
    records, _ = windows_of(signals(4000, 0), window)
    folder = tmp_path_factory.mktemp("series") / "bundle"
    described = Description(layout="series", window=window)
    bundle = train(records, folder, TrainingSettings(epochs=15), described=described)
    return bundle, window


def test_a_fault_in_the_small_channel_is_found(trained):
    bundle, window = trained
    assert bundle.architecture == "temporal"
    records, _ = windows_of(signals(1500, 1), window)
    scorer = Scorer(bundle, "cpu")
    assert scorer.score(records).anomalous.mean() < 0.02
    records[:, :, 0] += 2
    assert scorer.score(records).anomalous.mean() > 0.9


def test_the_spec_says_how_windows_are_made(trained):
    bundle, window = trained
    spec = bundle.input_spec
    assert (spec.window, spec.shape) == (window, (2, window.length))
    assert (spec.record_shape, spec.payload_shape) == ((window.length, 2), (2,))
    assert not spec.is_image
    assert InputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert bundle.reference.ordered


def test_the_model_card_says_what_a_record_is(trained):
    bundle, window = trained
    card = (bundle.path / "README.md").read_text()
    assert f"windows of {window.length} steps of each machine, one every 2" in card


def test_calibration_comes_after_training_in_time(trained):
    bundle, _ = trained
    assert bundle.metadata["settings"]["ordered"]


@pytest.mark.parametrize(
    "change",
    [{"window": {"length": 15, "stride": 1, "by": ""}}, {"window": {"length": 16}}, {"window": 3},
     {"layout": "vector"}, {"layout": "HW"}, {"shape": [16]}],
    ids=str,
)  # fmt: skip
def test_crafted_json_is_refused(change):
    records, _ = windows_of(signals(200, 0), Window(16))
    spec = InputSpec.fit(records, layout="series", window=Window(16))
    with pytest.raises(ValueError, match=r"."):
        InputSpec.from_json({**spec.to_json(), **change})


def test_series_have_three_dimensions():
    with pytest.raises(ShapeError, match="series are"):
        InputSpec.fit(STEPS, layout="series")

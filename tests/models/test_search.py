"""Presets: the candidate that ranks synthetic anomalies best is chosen, repeatably, in time."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from models import bundle, search
from models.bundle_files import manifest, version_of
from models.choice import CLEARLY, table
from models.conduct import Conduct
from models.description import Description
from models.errors import TrainingError
from models.presets import AUTO, BEST, COST, PRESETS, Preset
from models.recipe import train
from models.search import choose
from models.settings import TrainingSettings
from models.splits import split
from tests.models.builders import digits, pebbles, rings, vectors

CPU = TrainingSettings(device="cpu", threads=1)


def on_a_plane(count, seed=0, d=8):
    rng = np.random.default_rng(seed)
    to_features = np.random.default_rng(99).normal(size=(3, d))
    return rng.normal(size=(count, 3)) @ to_features + 0.1 * rng.normal(size=(count, d))


@pytest.fixture(scope="module")
def choice():
    return choose(on_a_plane(600), CPU, Preset(AUTO))


def test_what_finds_most_is_chosen_unless_another_is_clearly_better(choice):
    assert choice.chosen == "ladder"
    assert choice.settings == replace(CPU, architecture="ladder")
    assert [each.name for each in choice.trials] == ["ladder", "linear", "dense"]
    ladder, linear, dense = choice.trials
    assert 1 < ladder.cost <= COST
    assert abs(ladder.ranking.area - linear.ranking.area) < CLEARLY
    assert linear.ranking.area > dense.ranking.area + 3 * dense.ranking.standard_error
    assert set(linear.ranking.areas) == {"shuffled", "offset", "scaled", "tails"}
    assert linear.seconds > 0
    assert linear.microseconds > 0


def test_what_costs_a_daemon_too_much_is_not_tried():
    choice = choose(on_a_plane(600), CPU, Preset(AUTO, cost=1.05))
    assert choice.chosen == "linear"
    assert [each.note for each in choice.trials] == ["costs too much", "", ""]


def test_the_same_records_and_seed_give_the_same_choice_and_the_same_bundle(choice, tmp_path):
    records = on_a_plane(600)
    again = choose(records, CPU, Preset(AUTO))
    made = []
    for number, each in enumerate((choice, again)):
        conduct = Conduct(card=number == 0, choice=each.to_json())
        made.append(train(records, tmp_path / str(number), each.settings, conduct))
    assert made[0].version == made[1].version
    told = made[0].metadata["preset"]
    assert told["chosen"] == "ladder"
    assert told["candidates"][0]["seconds"] >= 0
    card = (made[0].path / "README.md").read_text()
    assert "## Choice" in card
    assert f"Preset auto: {choice.why}." in card
    assert "| ladder |" in card


def test_what_was_compared_is_in_the_version_and_its_times_are_not(choice, tmp_path):
    made = train(
        on_a_plane(600), tmp_path / "model", choice.settings, Conduct(None, False, choice.to_json())
    )
    document = json.loads((made.path / "bundle.json").read_text())
    document.pop("version")
    first = document["metadata"]["preset"]["candidates"][0]
    first["seconds"], first["microseconds"] = 1e6, 1e6
    assert version_of(document) == made.version
    first["area"] = 0.5
    assert version_of(document) != made.version


@pytest.mark.parametrize("preset", [None, 3, [], {}, {"candidates": 7}, {"candidates": [7, None]}])
def test_a_crafted_preset_in_a_bundle_is_no_crash(choice, tmp_path, preset):
    made = train(on_a_plane(60), tmp_path / "model", CPU, Conduct(card=False))
    document = json.loads((made.path / "bundle.json").read_text())
    document["metadata"]["preset"] = preset
    hashes = ("version", "sha256")
    kept = {key: value for key, value in document.items() if key not in hashes}
    contents = {name: (made.path / name).read_bytes() for name in document["sha256"]}
    (made.path / "bundle.json").write_bytes(manifest(kept, contents))
    assert bundle.load(made.path).metadata["preset"] == preset


def test_the_chosen_one_is_trained_as_if_it_had_been_asked_for(choice, tmp_path):
    records = on_a_plane(600)
    asked = train(records, tmp_path / "asked", replace(CPU, architecture="ladder"))
    chosen = train(records, tmp_path / "chosen", choice.settings, Conduct(choice=choice.to_json()))
    weights = [(each.path / "model.safetensors").read_bytes() for each in (asked, chosen)]
    assert weights[0] == weights[1]


def test_calibration_records_have_no_part_in_the_choice():
    records = on_a_plane(400)
    changed = records.copy()
    changed[split(400, CPU).calibration] += 3
    first, other = (choose(each, CPU, Preset(AUTO)) for each in (records, changed))
    assert [t.ranking and t.ranking.areas for t in first.trials] == [
        t.ranking and t.ranking.areas for t in other.trials
    ]


class Clock:
    """Jumps by so many seconds at each reading after the first."""

    def __init__(self, step):
        self.now, self.step = -step, step

    def __call__(self):
        self.now += self.step
        return self.now


def test_when_the_time_is_over_the_first_is_done_and_no_other_begun():
    choice = choose(on_a_plane(200), CPU, Preset(AUTO, 1 / 60), clock=Clock(10))
    assert [each.note for each in choice.trials] == ["", "no time left", "no time left"]
    assert choice.chosen == "ladder"


def test_one_that_is_not_done_in_time_is_left_out():
    # The clock: at the start, before and after ladder and linear, before dense, and after its first
    # epoch.
    choice = choose(on_a_plane(200), CPU, Preset(BEST, 65 / 60), clock=Clock(10))
    notes = {each.name: each.note for each in choice.trials}
    assert notes["dense"] == "not done in time"
    assert notes["narrow"] == notes["variational"] == "no time left"


def test_ctrl_c_ends_the_search(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("models.recipe.solving.solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        choose(on_a_plane(200), CPU, Preset(AUTO))


def test_ctrl_c_within_a_training_ends_the_search_too(monkeypatch):
    reached = []

    class Stops(Clock):
        def __call__(self):
            reached.append(self.now)
            # At the start, around ladder and linear, before dense, and after its first epoch.
            if len(reached) == 8:
                raise KeyboardInterrupt
            return super().__call__()

    with pytest.raises(KeyboardInterrupt):
        choose(on_a_plane(200), CPU, Preset(AUTO), clock=Stops(0))
    assert len(reached) == 8


def test_each_trial_is_told_when_it_is_done():
    heard = []
    choice = choose(on_a_plane(200), CPU, Preset(AUTO), told=heard.append)
    assert heard == list(choice.trials)


def test_with_a_contamination_only_what_leaves_records_out_is_tried():
    choice = choose(on_a_plane(200), replace(CPU, contamination=0.0), Preset(AUTO))
    assert [each.name for each in choice.trials] == ["ladder", "linear"]
    assert choice.settings.contamination == 0.0


def test_with_settings_of_gradients_only_what_has_them_is_tried():
    choice = choose(on_a_plane(200), replace(CPU, epochs=8, error_metric="mae"), Preset(BEST))
    names = [each.name for each in choice.trials]
    assert names == ["dense", "narrow", "denoising", "variational", "memory"]
    assert choice.settings.error_metric == "mae"
    assert choice.settings.epochs == 8


@pytest.mark.parametrize("preset", PRESETS)
def test_of_fifty_records_a_choice_is_made(preset, tmp_path):
    records = vectors(50)
    choice = choose(records, replace(CPU, epochs=2), Preset(preset))
    made = train(records, tmp_path / "model", choice.settings, Conduct(choice=choice.to_json()))
    assert made.metadata["preset"]["chosen"] == choice.chosen
    assert choice.why in (made.path / "README.md").read_text()


def test_too_few_to_compare_on_get_the_plain_model():
    settings = replace(CPU, calibration_fraction=0.4, validation_fraction=0.3)
    choice = choose(vectors(60), settings, Preset(AUTO))
    assert (choice.trials, choice.settings, choice.chosen) == ((), settings, "dense")
    assert "60 records are too few" in choice.why
    assert table(choice.to_json())[1:] == []


def test_pictures_and_series_are_chosen_for(tmp_path):
    rng = np.random.default_rng(0)
    picture = choose(digits(120), replace(CPU, contamination=0.0), Preset(AUTO))
    assert [each.name for each in picture.trials] == ["edges", "patches"]
    series = rng.normal(size=(80, 16, 2)).cumsum(axis=1)
    described = Description(layout="series")
    steps = choose(series, replace(CPU, epochs=2), Preset(AUTO), described)
    assert [each.name for each in steps.trials] == ["temporal"]
    made = train(
        series, tmp_path / "model", steps.settings, Conduct(choice=steps.to_json()), described
    )
    assert made.architecture == "temporal"


def test_of_ordered_records_the_newest_are_ranked(monkeypatch):
    seen = []

    def noted(spec, records, seed):
        seen.append(records[:, 0])
        return {"offset": spec.prepare(records + 1)}

    monkeypatch.setattr(search.synthetic, "anomalies", noted)
    records = np.column_stack([np.arange(400.0), np.random.default_rng(0).normal(size=400)])
    choose(records, replace(CPU, ordered=True), Preset(AUTO))
    # 280 train, of which the newest quarter is ranked.
    assert seen[0].min() >= 210
    assert seen[0].max() < 280


@pytest.mark.parametrize(
    "settings", [{"architecture": "dense"}, {"architecture_settings": {"hidden": [3]}}]
)
def test_a_preset_and_an_architecture_exclude_each_other(settings):
    with pytest.raises(TrainingError, match="name one, or the other"):
        choose(vectors(100), replace(CPU, **settings), Preset(AUTO))


def test_records_that_are_not_finite_are_refused():
    records = vectors(100)
    records[7, 1] = np.nan
    with pytest.raises(TrainingError, match="row 7 "):
        choose(records, CPU, Preset(AUTO))


def test_of_textures_parts_are_compared_and_of_things_the_whole():
    settings = replace(CPU, contamination=0.02)
    assert choose(pebbles(300), settings, Preset(AUTO)).chosen == "patches"
    assert choose(rings(300), settings, Preset(AUTO)).chosen == "edges"

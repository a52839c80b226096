"""Presets: what is tried for which records, and which trial is picked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from models.architectures import ARCHITECTURES
from models.choice import CLEARLY, CLEARLY_PICTURES, Choice, Trial, pick
from models.errors import TrainingError
from models.input_spec import InputSpec
from models.presets import AUTO, BEST, COST, FAST, Preset, plain
from models.ranking import Ranking
from models.scoring_costs import FORWARD, microseconds
from models.settings import TrainingSettings
from tests.models.builders import digits, spec_of, vectors

CPU = TrainingSettings(device="cpu", threads=1)


def trial(name, area, cost, spread=0.05):
    """A trial whose figure is `area` with a standard error that follows from `spread`."""
    rng = np.random.default_rng(sum(map(ord, name)))
    values = area + spread * (lambda z: z - z.mean())(rng.normal(size=200))
    return Trial(name, CPU, cost, Ranking({"kind": area}, values, values.copy()), 1.0, 2.0)


def test_the_first_is_picked_if_none_is_clearly_better():
    first = trial("first", 0.8, 1.2)
    for other in (0.5, 0.8, 0.8 + 0.9 * CLEARLY):
        assert pick([first, trial("other", other, 1)], 1.3)[0].name == "first"
    assert "best, 0.800" in pick([first, trial("other", 0.7, 1)], 1.3)[1]
    assert "not rank" in pick([first, trial("other", 0.85, 1)], 1.3)[1]


def test_one_that_is_clearly_better_is_picked_and_of_several_the_best():
    first = trial("first", 0.8, 1)
    better, best = trial("better", 0.81 + CLEARLY, 1), trial("best", 0.82 + CLEARLY, 1)
    chosen, why = pick([first, better, best], 1.3)
    assert chosen.name == "best"
    assert f"{0.02 + CLEARLY:.3f} more" in why


def test_of_pictures_less_is_clear():
    first, other = trial("first", 0.8, 1), trial("other", 0.81 + CLEARLY_PICTURES, 1)
    assert pick([first, other], 1.3)[0] is first
    assert pick([first, other], 1.3, CLEARLY_PICTURES)[0] is other


def test_a_difference_that_chance_may_make_is_not_clear():
    wild = [trial(name, area, 1, spread=2.0) for name, area in (("first", 0.6), ("other", 0.9))]
    assert 2 * wild[1].ranking.error_of_difference(wild[0].ranking) > 0.3
    assert pick(wild, math.inf)[0].name == "first"


@pytest.mark.parametrize("d", [1, 3, 16, 64, 100, 200, 400, 784])
def test_what_finds_most_in_vectors_costs_a_daemon_no_more_than_is_allowed(d):
    spec = spec_of((d,))
    (ladder,) = (each for each in Preset().candidates(spec) if each.name == "ladder")
    assert 0.9 < ladder.cost(spec) <= COST


@pytest.mark.parametrize("name", FORWARD)
def test_a_pass_costs_more_the_longer_the_record_and_is_measured_over_some_range(name):
    sizes, costs = zip(*FORWARD[name], strict=True)
    assert list(sizes) == sorted(set(sizes))
    assert list(costs) == sorted(costs)
    beyond = microseconds(name, spec_of((1, 80, 80)))
    assert beyond > microseconds(name, spec_of((1, 8, 8))) + costs[-1]


def test_what_costs_too_much_is_not_picked():
    trials = [trial("good", 0.9, 7), trial("cheap", 0.7, 1)]
    assert pick(trials, COST)[0].name == "cheap"
    assert pick(trials, math.inf)[0].name == "good"
    with pytest.raises(ValueError, match="within the cost"):
        pick(trials[:1], COST)


SPECS = {
    "vector": InputSpec.fit(vectors(50)),
    "wide": InputSpec.fit(vectors(50, 2000)),
    "picture": InputSpec.fit(digits(50)),
    "large picture": InputSpec.fit(np.zeros((2, 64, 64, 3), dtype=np.uint8)),
    "series": InputSpec.fit(np.random.default_rng(0).normal(size=(50, 16, 3)), layout="series"),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_preset_tries_the_plain_model_and_more(spec):
    auto, best = (Preset(name).candidates(spec) for name in (AUTO, BEST))
    assert Preset(FAST).candidates(spec) == []
    assert plain(spec) in auto
    assert {each.name for each in auto} < {each.name for each in best}
    assert len({each.name for each in best}) == len(best)
    assert {each.architecture for each in best} <= set(ARCHITECTURES)
    assert all(each.cost(spec) > 0 for each in best)
    assert plain(spec).cost(spec) == 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "quick"}, "preset must be fast, auto, best"),
        ({"minutes": 0}, "minutes must be"),
        ({"minutes": math.inf}, "minutes must be"),
        ({"minutes": math.nan}, "minutes must be"),
        ({"cost": 0.5}, "cost must be at least 1"),
        ({"cost": math.nan}, "cost must be at least 1"),
    ],
    ids=str,
)
def test_a_preset_that_is_none_is_refused(values, reason):
    with pytest.raises(TrainingError, match=reason):
        Preset(**values)


def test_a_choice_without_a_limit_is_valid_json():
    text = json.dumps(Choice(AUTO, CPU, [trial("a", 0.5, 1)]).to_json(), allow_nan=False)
    assert json.loads(text)["cost"] is None


@pytest.mark.parametrize(("d", "solved"), [(40, {"ladder", "linear"}), (1555, {"linear"})])
def test_what_is_solved_is_a_candidate_for_long_records_too(d: int, solved: set[str]) -> None:
    names = [each.name for each in Preset().candidates(spec_of((d,)))]
    assert names == [*(name for name in ("ladder", "linear") if name in solved), "dense"]
    linear = next(each for each in Preset().candidates(spec_of((d,))) if each.name == "linear")
    assert linear.cost(spec_of((d,))) <= COST


def test_pictures_are_compared_by_their_whole_and_by_their_parts() -> None:
    spec = spec_of((1, 28, 28))
    names = [each.name for each in Preset().candidates(spec)]
    assert names == ["edges", "patches", "convolutional"]
    assert all(each.cost(spec) <= COST for each in Preset().candidates(spec))

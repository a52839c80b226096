"""Presets: what is tried for which records, and which trial is picked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from models.architectures import ARCHITECTURES
from models.choice import Choice, Trial, pick
from models.errors import TrainingError
from models.input_spec import InputSpec
from models.presets import AUTO, BEST, COST, FAST, Preset, plain
from models.ranking import Ranking
from models.settings import TrainingSettings
from tests.models.builders import digits, spec_of, vectors

CPU = TrainingSettings(device="cpu", threads=1)


def trial(name, area, cost, spread=0.05):
    """A trial whose figure is `area` with a standard error that follows from `spread`."""
    rng = np.random.default_rng(sum(map(ord, name)))
    values = area + spread * (lambda z: z - z.mean())(rng.normal(size=200))
    return Trial(name, CPU, cost, Ranking({"kind": area}, values, values.copy()), 1.0, 2.0)


def test_the_best_is_picked():
    chosen, why = pick([trial("a", 0.8, 1), trial("b", 0.9, 1.2)], 1.3)
    assert chosen.name == "b"
    assert "best, 0.900" in why


def test_within_a_standard_error_the_cheaper_one_is_picked():
    near, best = trial("near", 0.899, 0.5), trial("best", 0.9, 1)
    apart = best.ranking.error_of_difference(near.ranking)
    assert 0.001 < apart < 0.01
    chosen, why = pick([best, near, trial("cheapest", 0.8, 0.1)], math.inf)
    assert chosen.name == "near"
    assert "costs less than best" in why
    farther = trial("near", 0.9 - 2 * apart, 0.5)
    assert pick([best, farther], math.inf)[0].name == "best"


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
    auto, best = (Preset(name).candidates(spec, 10_000) for name in (AUTO, BEST))
    assert Preset(FAST).candidates(spec, 10_000) == []
    assert plain(spec) in auto
    assert {each.name for each in auto} < {each.name for each in best}
    assert len({each.name for each in best}) == len(best)
    assert {each.architecture for each in best} <= set(ARCHITECTURES)
    assert all(each.cost > 0 for each in best)


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


def test_what_is_solved_is_no_candidate_where_records_are_too_few() -> None:
    spec = spec_of((40,))
    names = [{each.name for each in Preset(BEST).candidates(spec, n)} for n in (79, 80)]
    assert names[1] - names[0] == {"linear", "ladder"}
    assert "dense" in names[0]

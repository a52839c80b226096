"""Changes of records are found by model and judge as the daemon would find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.autoencoder import Autoencoder
from models.bundle import Bundle
from models.channels import Channels
from models.input_spec import InputSpec
from models.reference import Reference
from models.schema import Schema
from monitor.drift.budget import Budget
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.simulation import AFTER
from monitor.pipeline.changes.grammar import parse
from monitor.pipeline.replay import Outcome, Replay, Replayed
from monitor.pipeline.scorer import Scorer

NAMES = ("temperature", "flow", "pressure", "level")
SETTINGS = JudgeSettings(guard_seconds=0.0, budget=Budget(1, 1e6, None))


class KeepsTwo(Autoencoder):
    """Reproduces the first two features exactly, and takes the others for their mean.

    So the error is that of the others alone, whatever the first two do, as long as they are of
    this world.
    """

    architecture = "keeps two"

    def __init__(self, spec: InputSpec, settings: Mapping[str, Any]) -> None:
        super().__init__(spec, settings)
        self.middle = torch.nn.Parameter(torch.zeros(2))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2]  # (B, 2)

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        made = self.middle.expand(code.shape)  # (B, 2)
        lost = torch.where(code > 1e6, torch.inf, made)
        return torch.cat([code, lost], 1)  # (B, 4)


def rows(seed: int, count: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).standard_normal((count, 4), dtype=np.float32)
    return np.asarray(values * np.float32(2) + np.float32(20))


RECORDS = rows(2, 4000)
ODD = rows(3, 500) * np.float32(1.5)


@lru_cache
def replay(channels: bool, error_scale: float = 1.0, **settings: Any) -> Replay:
    """Of a model that was calibrated on records like RECORDS.

    error_scale: of the errors in calibration.
    """
    spec = InputSpec(
        (4,), "vector", "float32", (20.0,) * 4, (2.0,) * 4, Schema.numbers(NAMES),
        ((14.0, 26.0),) * 4,
    )  # fmt: skip
    model, calibration = KeepsTwo(spec, {}), rows(1, 5000)
    known = Channels.calibrate(model, spec, "mse", rows(0, 1000), calibration, ordered=True)
    assert known is not None
    plain = Reference.calibrate(np.ones(1000))
    bundle = Bundle("0" * 16, "keeps two", spec, plain, model, "mse", {}, Path(), channels=known)
    errors = Scorer(bundle, "cpu").score(calibration).reconstruction_error
    bundle = replace(bundle, reference=Reference.calibrate(error_scale * errors, ordered=True))
    watched = known.matching(["input"]) if channels else None
    scorer = Scorer(bundle, "cpu", channels=watched)
    asked = replace(SETTINGS, **settings)
    return Replay(scorer, watched, asked, RECORDS, scorer.score(RECORDS), 64, 500.0)


def replayed(on: Replay, *texts: str, repeats: int = 3, seed: int = 0) -> Replayed:
    spec = on.scorer.bundle.input_spec
    changes = [parse(text, spec, lambda path, where: ODD) for text in texts]
    return on.replayed(changes, repeats, seed, lambda count: None)


def outcome(on: Replay, text: str) -> Outcome:
    return replayed(on, text).outcomes[0]


@pytest.mark.parametrize("words", ["flow stuck", "flow + 0.5 sd", "flow noise 1 sd"])
def test_what_the_model_reproduces_is_found_by_channels_and_not_by_the_error(words: str) -> None:
    with_channels, alone = outcome(replay(True), words), outcome(replay(False), words)
    assert not alone.found
    assert (alone.delays == np.inf).all()
    assert len(with_channels.found) == 3
    assert {each.kind for each in with_channels.found} == {"input"}
    assert {each.channel for each in with_channels.found} == {"flow"}
    assert all(each.named for each in with_channels.found)
    assert with_channels.delays.max() < 5000


def test_what_the_model_does_not_reproduce_is_found_by_the_error_alone() -> None:
    (found,) = {each.kind for each in outcome(replay(False), "level + 2 sd").found}
    assert found == "error"


def test_the_sentence_says_when_in_records_from_the_change() -> None:
    sentence = outcome(replay(True), "temperature stuck at 21.5").found[0].sentence
    assert "`temperature` is stuck at 21.5 since " in sentence
    assert "the change" in sentence
    assert "20" not in sentence.partition("since")[2].partition(";")[0].partition(" records")[2]


def test_records_of_a_file_are_found_sooner_the_more_they_are() -> None:
    few, many = replayed(replay(False), "5% of odd.npy", "50% of odd.npy").outcomes
    assert len(many.found) == 3
    assert many.delays.max() < few.delays.min()
    assert {each.named for each in many.found} == {None}


def test_the_seed_repeats_it_and_the_order_of_changes_does_not_matter() -> None:
    words = "flow noise 1 sd", "20% of odd.npy"
    first, again = replayed(replay(True), *words), replayed(replay(True), *reversed(words))
    assert first.outcomes == again.outcomes[::-1]
    assert replayed(replay(True), *words, seed=1).outcomes != first.outcomes


def test_records_whose_error_is_not_finite_are_told_and_not_judged() -> None:
    found = outcome(replay(True), "temperature * 1e9")
    assert not found.found
    assert found.unscored == 1


def test_normal_records_raise_no_alarm() -> None:
    told = list[int]()
    quiet = replay(True).false_alarms(60_000, 0, told.append)
    assert (quiet.records, quiet.alarms) == (60_000, 0)
    assert sum(told) == 60_000


def test_records_that_are_no_normal_ones_are_told() -> None:
    told = list[int]()
    other = replay(False, 0.5)  # calibrated on errors half as large
    spec = other.scorer.bundle.input_spec
    found = other.replayed([parse("flow stuck", spec, lambda *_: ODD)], 2, 0, told.append)
    assert found.restless == 2
    assert "times larger" in found.restless_sentence
    assert not found.outcomes[0].repeats
    assert sum(told) == 2 * AFTER


def test_a_change_comes_after_the_judge_has_learned_how_far_neighbours_depend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that has not assumes the worst, and takes twice as long."""
    bundle = replay(False).scorer.bundle
    errors = bundle.reference.in_order
    assert errors is not None
    unordered = replace(bundle, reference=Reference.calibrate(errors))
    learning = replace(replay(False), scorer=Scorer(unordered, "cpu"))
    assert not learning.judge().detector.ready
    learned = outcome(learning, "level + 1 sd").delays
    monkeypatch.setattr("monitor.pipeline.replay.MOST_BEFORE", 0)
    assert np.median(outcome(learning, "level + 1 sd").delays) > 1.5 * np.median(learned)


def test_records_whose_errors_are_sorted_are_drawn_one_by_one() -> None:
    on = replay(False)
    order = np.argsort(on.scores.reconstruction_error)
    scores = on.scorer.score(RECORDS[order])
    assert on.drawn_together == 64
    assert replace(on, records=RECORDS[order], scores=scores).drawn_together == 1

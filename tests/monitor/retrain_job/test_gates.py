"""Each gate: when it passes, when it refuses, when it has nothing to say, and its sentence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle, load
from monitor.config.gates import GateConfig
from monitor.drift.judge_settings import JudgeSettings
from monitor.retrain_job import gates
from monitor.retrain_job.broken_input import Sign
from monitor.retrain_job.evaluation import Discrimination, Evaluation, Performance, share
from monitor.retrain_job.replay import Replay, replay
from monitor.stream.records import Estimate

LIMITS = GateConfig()


@pytest.fixture(scope="module")
def bundle(digits_bundle: Path) -> Bundle:
    return load(digits_bundle)


def evaluation(bundle: Bundle, above: int = 0, of: int = 1000, **auc: float) -> Evaluation:
    newest = Performance(np.ones(of), above, share(above, of))
    labelled = {
        name: Discrimination(Estimate(value, value - 0.01, value + 0.01), 50, 500)
        for name, value in auc.items()
    }
    return Evaluation(bundle, newest, None, labelled)


def test_as_many_false_alarms_as_promised_pass(bundle: Bundle) -> None:
    promised = 1 - bundle.reference.quantile
    gate = gates.false_alarms(evaluation(bundle, round(1000 * promised)), LIMITS)
    assert gate.outcome == "passed"
    assert "of 1,000 held-out records" in gate.reason


def test_far_more_false_alarms_are_refused_with_the_numbers(bundle: Bundle) -> None:
    gate = gates.false_alarms(evaluation(bundle, 150), LIMITS)
    assert gate.outcome == "refused"
    assert "150 of 1,000 held-out records (15.00%, 95% interval 12.84% to 17.37%)" in gate.reason
    assert "still changing" in gate.reason
    tolerant = replace_limits(false_alarm_factor=40)
    assert gates.false_alarms(evaluation(bundle, 150), tolerant).outcome == "passed"


def test_a_few_too_many_of_few_are_chance(bundle: Bundle) -> None:
    gate = gates.false_alarms(evaluation(bundle, 2, of=60), LIMITS)
    assert gate.outcome == "passed"
    assert "chance explains it" in gate.reason


def replace_limits(**changes: object) -> GateConfig:
    return GateConfig(**{**LIMITS.model_dump(), **changes})


def test_forgotten_anomalies_are_refused_by_the_worst_kind(bundle: Bundle) -> None:
    current, candidate = (
        evaluation(bundle, dent=0.95, rust=0.9),
        evaluation(bundle, dent=0.94, rust=0.8),
    )
    gate = gates.auc_loss(current, candidate, LIMITS)
    assert gate.outcome == "refused"
    assert "ROC AUC on rust (50 anomalies) is 0.8000 (0.7900 to 0.8100)" in gate.reason
    assert "0.100 lower" in gate.reason
    tolerant = replace_limits(auc_tolerance=0.11)
    assert gates.auc_loss(current, candidate, tolerant).outcome == "passed"
    assert gates.auc_loss(candidate, current, LIMITS).outcome == "passed"


def test_without_labels_nothing_is_said_of_anomalies(bundle: Bundle) -> None:
    gate = gates.auc_loss(evaluation(bundle), evaluation(bundle), LIMITS)
    assert gate.outcome == "not applicable"


def test_drift_under_the_candidate_is_refused() -> None:
    fired = Replay("firing", 900, 320, "errors are larger.")
    gate = gates.no_drift(fired, LIMITS)
    assert gate.outcome == "refused"
    assert "drift after 320: errors are larger. The stream" in gate.reason
    assert gates.no_drift(fired, replace_limits(no_drift=False)).outcome == "not applicable"
    assert gates.no_drift(Replay("ok", 900, None, ""), LIMITS).outcome == "passed"
    assert "suspicion" in gates.no_drift(Replay("pending", 900, None, ""), LIMITS).reason
    assert "only clear drift" in gates.no_drift(Replay("learning", 9, None, ""), LIMITS).reason


def test_a_model_that_no_judge_can_work_with_is_refused(bundle: Bundle) -> None:
    few = replace(bundle, reference=bundle.reference.calibrate(np.ones(15), ordered=True))
    drift = replay(few, np.ones(300), JudgeSettings(), 100)
    gate = gates.no_drift(drift, LIMITS)
    assert (drift.state, gate.outcome) == ("unusable", "refused")
    assert "got 15" in gate.reason


def test_a_replay_finds_drift_and_only_drift(bundle: Bundle) -> None:
    normal = np.random.default_rng(0).choice(bundle.reference.errors, 3000)
    calm = replay(bundle, normal, JudgeSettings(), rate=100)
    assert calm.drift_at is None
    shifted = np.concatenate([normal[:1000], 3 * normal[1000:]])
    found = replay(bundle, shifted, JudgeSettings(), rate=100)
    assert found.drift_at is not None
    assert 1000 < found.drift_at < 2000


def test_a_sign_of_a_broken_sensor_is_refused_in_its_words() -> None:
    signs = [Sign("stuck", True, "3 of 9 features are stuck"), Sign("repeated", False, "fine")]
    gate = gates.broken_input(signs, LIMITS)
    assert gate.outcome == "refused"
    assert gate.reason.startswith("the records look like those of a broken sensor: 3 of 9")
    assert "fine" not in gate.reason
    switched_off = replace_limits(broken_input=False)
    assert gates.broken_input(signs, switched_off).outcome == "not applicable"
    assert gates.broken_input(signs[1:], LIMITS).outcome == "passed"
    assert gates.broken_input([Sign("stuck", None, "")], LIMITS).outcome == "not applicable"


def test_one_refusal_is_enough() -> None:
    outcomes = [gates.Gate("a", "passed", ""), gates.Gate("b", "not applicable", "")]
    assert gates.passed(outcomes)
    assert not gates.passed([*outcomes, gates.Gate("c", "refused", "")])

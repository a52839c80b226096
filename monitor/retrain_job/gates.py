"""The gates: may the candidate replace the current model? Each answers in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.config.gates import GateConfig
from monitor.retrain_job.broken_input import Sign
from monitor.retrain_job.evaluation import Evaluation, probability_of
from monitor.retrain_job.replay import Replay
from monitor.stream.records import Estimate

PASSED: Final = "passed"
REFUSED: Final = "refused"
NOT_APPLICABLE: Final = "not applicable"
CHANCE: Final = 0.01
"""Probability below which a number of false alarms is not put down to chance."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate says. outcome: passed, refused or not applicable. numbers: those it stands on."""

    name: str
    outcome: str
    reason: str
    numbers: dict[str, float] = field(default_factory=dict)


def passed(gates: Sequence[Gate]) -> bool:
    """True if no gate refuses."""
    return all(gate.outcome != REFUSED for gate in gates)


def decide(
    current: Evaluation,
    candidate: Evaluation,
    drift: Replay,
    signs: Sequence[Sign],
    limits: GateConfig,
) -> tuple[Gate, ...]:
    """The word of every gate."""
    return (
        broken_input(signs, limits),
        false_alarms(candidate, limits),
        no_drift(drift, limits),
        auc_loss(current, candidate, limits),
    )


def broken_input(signs: Sequence[Sign], limits: GateConfig) -> Gate:
    """Refuses records that look like those of a broken sensor."""
    if not limits.broken_input:
        return Gate("broken_input", NOT_APPLICABLE, "switched off in the configuration.")
    found = [sign.text for sign in signs if sign.found]
    if found:
        reason = (
            f"the records look like those of a broken sensor: {'; '.join(found)}. Look at the"
            " sensor before anything learns from it."
        )
        return Gate("broken_input", REFUSED, reason)
    told = "; ".join(sign.text for sign in signs)
    outcome = NOT_APPLICABLE if all(sign.found is None for sign in signs) else PASSED
    return Gate("broken_input", outcome, f"nothing looks like a broken sensor: {told}.")


def false_alarms(candidate: Evaluation, limits: GateConfig) -> Gate:
    """Refuses more records above the threshold, of the newest ones, than chance explains."""
    newest, bundle = candidate.recent, candidate.bundle
    promised = 1 - bundle.reference.quantile
    allowed = limits.false_alarm_factor * promised
    chance = probability_of(newest.above, len(newest.errors), bundle, limits.false_alarm_factor)
    refused = newest.rate.value > allowed and chance < CHANCE
    why = (
        f"{newest.above:,} of {newest.rows:,} held-out records ({percent(newest.rate)}) lie above"
        f" the candidate's threshold, {allowed:.2%} may"
    )
    if refused:
        why += (
            f"; chance does not explain it (p = {chance:.2g}). The newest records differ from those"
            " before them: the stream is still changing"
        )
    elif newest.rate.value > allowed:
        why += f"; chance explains it (p = {chance:.2g})"
    numbers = {"rate": newest.rate.value, "allowed": allowed, "p_value": chance}
    return Gate("false_alarms", REFUSED if refused else PASSED, f"{why}.", numbers)


def no_drift(drift: Replay, limits: GateConfig) -> Gate:
    """Refuses a candidate under which the newest records are drift again."""
    if not limits.no_drift:
        return Gate("no_drift", NOT_APPLICABLE, "switched off in the configuration.")
    if drift.state == "unusable":
        reason = f"no judge can work with it: {drift.explanation}. Learn from more records."
        return Gate("no_drift", REFUSED, reason)
    if drift.drift_at is not None:
        reason = (
            f"replayed, the newest {drift.records:,} records are drift after {drift.drift_at:,}:"
            f" {drift.explanation.rstrip('.')}. The stream is still changing."
        )
        return Gate("no_drift", REFUSED, reason, {"drift_at": drift.drift_at})
    remarks = {
        "learning": ", as far as can be told: with so few calibration records, only clear drift is"
        " seen",
        "pending": ", although suspicion was open at their end",
    }
    reason = f"replayed, the newest {drift.records:,} records are no drift"
    return Gate("no_drift", PASSED, f"{reason}{remarks.get(drift.state, '')}.")


def auc_loss(current: Evaluation, candidate: Evaluation, limits: GateConfig) -> Gate:
    """Refuses a candidate that tells a kind of stored anomalies worse than the current model."""
    if not candidate.labelled:
        return Gate("auc_loss", NOT_APPLICABLE, "there are no labelled anomalies (--labelled).")
    losses = {
        name: current.labelled[name].auc.value - found.auc.value
        for name, found in candidate.labelled.items()
    }
    worst = max(losses, key=lambda name: losses[name])
    new, old = candidate.labelled[worst], current.labelled[worst]
    refused = losses[worst] > limits.auc_tolerance
    reason = (
        f"ROC AUC on {worst} ({new.anomalous:,} anomalies) is {interval(new.auc)}, the current"
        f" model's {interval(old.auc)}: {abs(losses[worst]):.3f}"
        f" {'lower' if losses[worst] > 0 else 'higher'}; {limits.auc_tolerance:g} lower would do."
    )
    if refused:
        reason += " It has forgotten what anomalies look like; mix old records in"
        reason += " (--reference, --reference-share)."
    return Gate("auc_loss", REFUSED if refused else PASSED, reason, {"loss": losses[worst]})


def percent(rate: Estimate) -> str:
    """A share and its interval."""
    return f"{rate.value:.2%}, 95% interval {rate.low:.2%} to {rate.high:.2%}"


def interval(value: Estimate) -> str:
    """A number and its interval."""
    return f"{value.value:.4f} ({value.low:.4f} to {value.high:.4f})"

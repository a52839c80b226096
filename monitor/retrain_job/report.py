"""What people and programs read of a retraining: report.md and report.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from monitor.process.text import one_line
from monitor.retrain_job.evaluation import Evaluation, Performance
from monitor.retrain_job.gates import Gate, interval
from monitor.retrain_job.ranges import Ranges
from monitor.retrain_job.reading import Account
from monitor.retrain_job.run import Inputs, Result
from monitor.retraining.request import RetrainRequest
from monitor.stream.json_values import estimate_json, number_json
from monitor.stream.records import Partition

KIND: Final = "retrain_report"
SCHEMA_VERSION: Final = 1
FORGOTTEN: Final = 0.05
"""Share of the records of before that a candidate flags, above which it is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """All that a report tells. before: account of the older records read, if they came from Kafka.

    servers: where the records lie.
    """

    result: Result
    inputs: Inputs
    request: RetrainRequest | None
    read: Account
    before: Account | None
    servers: str


def document(story: Story) -> dict[str, Any]:
    """The report as JSON values."""
    result, request = story.result, story.request
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": result.passed,
        "request": None if request is None else {"id": request.id, "model": request.model},
        "current": _evaluation_json(result.current),
        "candidate": _evaluation_json(result.evaluation),
        "gates": [
            {"name": g.name, "outcome": g.outcome, "reason": g.reason, "numbers": _numbers(g)}
            for g in result.gates
        ],
        "data": {
            "servers": story.servers,
            "drifted": _account_json(story.read),
            "before": None if story.before is None else _account_json(story.before),
            "reference": None if story.inputs.before is None else story.inputs.before.source,
            "labelled": None if story.inputs.labelled is None else story.inputs.labelled.source,
            "learned": len(result.learned),
            "held_out": len(result.held_out),
            "mixed_in": result.candidate.old,
            "trimmed": len(result.candidate.trimmed),
        },
    }


def _evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    reference, old = evaluation.bundle.reference, evaluation.before
    return {
        "model_version": evaluation.bundle.version,
        "threshold": reference.threshold,
        "quantile": reference.quantile,
        "recent": _performance_json(evaluation.recent),
        "before": None if old is None else _performance_json(old),
        "labelled": {
            name: {
                "roc_auc": estimate_json(found.auc),
                "anomalous": found.anomalous,
                "normal": found.normal,
            }
            for name, found in evaluation.labelled.items()
        },
    }


def _performance_json(performance: Performance) -> dict[str, Any]:
    return {
        "records": len(performance.errors),
        "median_error": performance.median,
        "above_threshold": performance.above,
        "share_above": estimate_json(performance.rate),
    }


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "offsets": [
            {"topic": p.topic, "partition": p.number, "first": first, "next": after}
            for p, (first, after) in sorted(account.ranges.items())
        ],
        "asked": account.asked,
        "gone": account.gone,
        "missing": account.missing,
        "read": account.chosen,
        "records": account.records,
        "refused": dict(account.bad),
        "rows": account.rows,
        "kept": account.kept,
    }


def _numbers(gate: Gate) -> dict[str, float | None]:
    return {name: number_json(value) for name, value in gate.numbers.items()}


def markdown(story: Story) -> str:
    """The report for people."""
    sections = (_verdict, _comparison, _data, _pictures)
    return "\n".join(section(story) for section in sections)


def _verdict(story: Story) -> str:
    result = story.result
    refused = [f"- {gate.reason}\n" for gate in result.gates if gate.outcome == "refused"]
    word = "passed: it may replace the current model" if result.passed else "refused"
    request = "" if story.request is None else f" For request {story.request.id}."
    rows = "".join(f"| {g.name} | {g.outcome} | {_cell(g.reason)} |\n" for g in result.gates)
    why = f"{''.join(refused)}\n" if refused else ""
    return f"""# Candidate {result.evaluation.bundle.version} {word}

{why}Trained on records of the drifted stream, to replace {result.current.bundle.version}.{request}

| gate | outcome | why |
| --- | --- | --- |
{rows}{"".join(chr(10) + note + chr(10) for note in notes(result))}"""


def notes(result: Result) -> list[str]:
    """What no gate refuses and people should know."""
    old = result.evaluation.before
    promised = 1 - result.evaluation.bundle.reference.quantile
    if old is None or old.rate.low <= max(FORGOTTEN, promised):
        return []
    return [
        f"It takes {old.rate.value:.0%} of the records of before the drift for anomalous. If such"
        " records will come again, mix them in (--reference-share)."
    ]


def _cell(text: str) -> str:
    return one_line(text.replace("|", "/"))


def _comparison(story: Story) -> str:
    current, candidate = story.result.current, story.result.evaluation
    lines = [
        f"## Side by side\n\n| | current | candidate |\n| --- | --- | --- |\n"
        f"| version | {current.bundle.version} | {candidate.bundle.version} |",
        *_pair("threshold", "{0.threshold:.4g} at quantile {0.quantile:.4g}",
               [current.bundle.reference, candidate.bundle.reference]),
        *_performances("newest records", [current.recent, candidate.recent]),
        *_performances("records of before", [current.before, candidate.before]),
    ]  # fmt: skip
    for name, found in candidate.labelled.items():
        cells = [interval(e.labelled[name].auc) for e in (current, candidate)]
        lines.append(f"| ROC AUC, {name}: {found.anomalous:,} anomalies | {' | '.join(cells)} |")
    return "\n".join(lines) + (
        "\n\nIntervals are 95%. Errors of two models are on different scales: compare the shares"
        " above each one's threshold, not the medians. The newest records were held out from"
        " training.\n"
    )


def _pair(name: str, form: str, values: Sequence[Any]) -> list[str]:
    if any(value is None for value in values):
        return []
    return [f"| {name} | " + " | ".join(form.format(value) for value in values) + " |"]


def _performances(name: str, found: Sequence[Performance | None]) -> list[str]:
    rate = "{0.above:,} of {0.rows:,}: {0.rate.value:.2%} ({0.rate.low:.2%} to {0.rate.high:.2%})"
    return [
        *_pair(f"{name}: median error", "{0.median:.4g}", found),
        *_pair(f"{name}: above the threshold", rate, found),
    ]


def _data(story: Story) -> str:
    result, inputs = story.result, story.inputs
    old = "" if inputs.before is None else f" Records of before: {inputs.before.source}."
    stored = "" if inputs.labelled is None else f" Anomalies: {inputs.labelled.source}."
    mixed = f", with {result.candidate.old:,} from before" if result.candidate.old else ""
    examples = "".join(f"\n- `{_cell(text)}`" for text in story.read.examples)
    named = f"\n\nThe first that could not be scored:\n{examples}" if examples else ""
    return f"""## Data

{told(story.read)}

The oldest {len(result.learned):,} rows were learned{mixed}, without the
{len(result.candidate.trimmed):,} strangest; the newest {len(result.held_out):,} were held
out.{old}{stored}

The records lie on {story.servers}:

{places(story.read.ranges)}{named}
"""


def told(account: Account) -> str:
    """What became of the offsets, in sentences."""
    parts = [f"Of {account.asked:,} offsets, {account.chosen:,} were read"]
    if account.gone:
        parts.append(f"{account.gone:,} are gone (deleted by retention)")
    if account.missing:
        parts.append(f"{account.missing:,} lie beyond the end of the log")
    bad = ", ".join(f"{count:,} {reason}" for reason, count in account.bad.most_common())
    refused = f"; could not be scored: {bad}" if bad else ""
    return (
        f"{'; '.join(parts)}. They held {account.records:,} records with {account.rows:,} rows"
        f"{refused}. {account.kept:,} rows were kept."
    )


def places(ranges: Ranges) -> str:
    """A list of offset ranges, as --from-kafka takes them."""

    def line(partition: Partition) -> str:
        first, after = ranges[partition]
        return f"- `{partition}:{first}-{after}`"

    return "\n".join(line(partition) for partition in sorted(ranges))


def _pictures(story: Story) -> str:
    return """## Pictures

Errors of both models on the newest records:

![errors](plots/errors.png)

Newest records, typical ones and those with the candidate's largest errors:

![reconstructions](plots/reconstructions.png)

![loss](plots/loss.png)

More on the candidate: [bundle/README.md](bundle/README.md)
"""


def summary(gates: Sequence[Gate]) -> str:
    """One line a gate, for a terminal."""
    return "\n".join(f"{gate.name:<13} {gate.outcome}: {gate.reason}" for gate in gates)

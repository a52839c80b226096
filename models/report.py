"""What a bundle tells people: the model card, and the pictures beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from models import context_report, montage, plots
from models.bundle import Bundle
from models.channel_swings import channel_swings
from models.choice import table
from models.context_training import NO_CHANNELS, NOTHING, LearnedChannels, LearnedContext
from models.reconstruction import SURPRISAL, model_errors, reconstructed
from models.reconstruction_probability import ReconstructionProbability
from models.reference import DEFAULT_TOLERANCE
from models.training import SOLVED, History

SAMPLES: Final = 8
SHOWN_FEATURES: Final = 100
SHOWN_ROWS: Final = 20
_LEFT_OUT_PICTURE: Final = "![left out](plots/left-out.png)"


def pages(
    bundle: Bundle,
    history: History,
    samples: NDArray[np.float32],
    strangest: NDArray[np.float32] | None = None,
    learned: LearnedContext = NOTHING,
    watched: LearnedChannels = NO_CHANNELS,
) -> dict[str, bytes]:
    """Return the model card and its plots, by file name.

    samples: prepared records that were not trained on, (n, *shape), of which eight are shown.
    strangest: prepared, those that were left out, or None. learned, watched: of the hour.
    """
    card = model_card(bundle)
    if strangest is None:
        card = card.replace(_LEFT_OUT_PICTURE, "")
    made = {
        "README.md": card.encode(),
        "plots/errors.png": plots.error_histogram(bundle.reference),
        "plots/reconstructions.png": reconstructions(bundle, samples),
    }
    if strangest is not None:
        made["plots/left-out.png"] = reconstructions(bundle, strangest)
    if learned.context is not None and learned.errors is not None and learned.at is not None:
        drawn = context_report.picture(learned.context, learned.errors, learned.at)
        made[context_report.PICTURE] = drawn
    if watched.drawn is not None:
        made[context_report.CHANNELS_PICTURE] = channel_swings(*watched.drawn)
    if history.ended != SOLVED:
        made["plots/loss.png"] = plots.loss_curve(
            history.losses, history.validation_losses, history.best_epoch
        )
    return made


@torch.inference_mode()
def reconstructions(bundle: Bundle, prepared: NDArray[np.float32]) -> bytes:
    """PNG of records from the lowest to the highest error, evenly spaced in rank."""
    x, model, metric = torch.from_numpy(prepared), bundle.model, bundle.error_metric
    errors = model_errors(model, x, metric)
    ranks = np.linspace(0, len(errors) - 1, min(SAMPLES, len(errors)), dtype=int)
    shown = np.argsort(errors)[ranks]
    made = reconstructed(model, x[shown], bundle.input_spec, metric)
    titles = [f"error {error:.4g}" for error in errors[shown]]
    return montage.draw(bundle.input_spec, {"": made}, titles)


def model_card(bundle: Bundle) -> str:
    """Return the model card, Markdown."""
    solved = bundle.metadata["metrics"]["ended"] == SOLVED
    training = _solution if solved else _training
    sections = (_summary, _preset, _data, _read, _calibration, *_context(bundle), _limits, training,
                _settings)  # fmt: skip
    return "\n".join(section(bundle) for section in sections)


def _summary(bundle: Bundle) -> str:
    spec = bundle.input_spec
    return f"""# {bundle.architecture.capitalize()} autoencoder {bundle.version}

Reconstructs normal records; {_error(bundle)}
says how unlike them a record is. Made by aead-monitor on {bundle.metadata["created"]}.

- Input: one record has shape {list(spec.record_shape)} (layout {spec.layout}, trained on
  {spec.dtype}). Normalisation is part of the bundle.{_windows(bundle)}
- Architecture settings: `{bundle.model.settings}`
- Parameters: {sum(p.numel() for p in bundle.model.parameters()):,}
"""


def _error(bundle: Bundle) -> str:
    if bundle.error_metric == SURPRISAL:
        return "the surprisal of its errors (-log of how probable ones as large are, in nats)"
    if bundle.error_metric == ReconstructionProbability.metric:
        return "how improbable its values are where the codes drawn for it lie (nats a value)"
    return f"the reconstruction error ({bundle.error_metric}, in normalised units)"


def _windows(bundle: Bundle) -> str:
    window = bundle.input_spec.window
    return "" if window is None else f"\n- Records are {_cell(str(window))}."


def _preset(bundle: Bundle) -> str:
    """What was compared, if a preset chose the architecture."""
    document = bundle.metadata.get("preset")
    if document is None:
        return ""
    heading, *rows = ([_cell(cell) for cell in row] for row in table(document))
    lines = [heading, ["---"] * len(heading), *rows] if rows else []
    shown = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"""## Choice

Preset {document["name"]}: {_cell(document["why"])}.

{shown}
ROC AUC: how well held-out normal records are told from held-out ones that were spoilt on purpose,
averaged over ways of spoiling them, and its standard error. Cost: of scoring a record, about so
many times that of the plain model. Each way by itself is in bundle.json.
"""


def _data(bundle: Bundle) -> str:
    data, parts = bundle.metadata["data"], bundle.metadata["split"]
    source = f" from `{data['source']}`" if data["source"] else ""
    return f"""## Data

{data["records"]:,} records{source}: {parts["training"]:,} to train on, {parts["validation"]:,} to
choose the epoch, {parts["calibration"]:,} to calibrate. SHA-256 of the records:
`{data["sha256"]}`
"""


def _read(bundle: Bundle) -> str:
    """What was understood of the files, if that is known; see monitor/datasets/account.py."""
    read = bundle.metadata["data"].get("read")
    if not isinstance(read, Mapping) or not read.get("facts"):
        return ""
    rows = "".join(
        f"| {_cell(fact['name'])} | {_cell(fact['kind'])} | {_cell(fact['range'])} |"
        f" {fact['missing']:.2%} | {_cell(', '.join(fact['looks']))} |\n"
        for fact in read["facts"][:SHOWN_FEATURES]
    )
    more = len(read["facts"]) - SHOWN_FEATURES
    rows += f"\n{more:,} more are in bundle.json.\n" if more > 0 else ""
    left = "".join(f"- left out: {_cell(name)} ({_cell(why)})\n" for name, why in read["left"])
    left += "".join(f"- {_cell(note)}\n" for note in read["notes"])
    left += "".join(
        f"- {_cell(one)} and {_cell(other)} say the same: correlation {correlation:.6f}\n"
        for one, other, correlation in read["pairs"]
    )
    return f"""## Features

| name | type | values | missing | looks |
| --- | --- | --- | --- | --- |
{rows}
{left}"""


def _cell(text: str) -> str:
    """Text that stays in its place, whatever Markdown and HTML mean by its characters."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    for mark in "\\|`*[":
        shown = shown.replace(mark, f"\\{mark}")
    return shown.replace("<", "&lt;")


def _calibration(bundle: Bundle) -> str:
    reference = bundle.reference
    expected = 1 - reference.quantile
    note = f"\nNote: {reference.note}\n" if reference.note else ""
    return f"""## Threshold

**{reference.threshold:.6g}**, at quantile {reference.quantile:.6g} of the errors of
{reference.count:,} calibration records. Of records like those, at most {expected:.3%} lie above it
on average. The smallest p-value is {reference.smallest_p_value:.3g}, 1 / (calibration records + 1).
{note}
![errors](plots/errors.png)
"""


def _context(bundle: Bundle) -> tuple[Callable[[Bundle], str], ...]:
    check = bundle.metadata.get("context")
    return () if check is None else (lambda _: context_report.section(check, _cell),)


def _limits(bundle: Bundle) -> str:
    return f"""## Limits

- "Normal" is what the training data holds, flaws included. The statement about the threshold
  holds for records drawn like the calibration records, not after a change of the stream.
- With {bundle.reference.count:,} calibration records, the share of normal records above the
  threshold in service can differ from the one stated: its standard deviation over calibration
  sets is about {_threshold_spread(bundle):.2g}.
- Drift: with a tolerance of {DEFAULT_TOLERANCE:.0%},
  {bundle.judged.detection_limits(DEFAULT_TOLERANCE)}.
- An anomaly that the model reproduces well has a small error and is not found.
"""


def _threshold_spread(bundle: Bundle) -> float:
    """Standard deviation of the true exceedance probability: that of Beta(n + 1 - k, k)."""
    n, q = bundle.reference.count, bundle.reference.quantile
    return float(np.sqrt(q * (1 - q) / (n + 2)))


def _training(bundle: Bundle) -> str:
    metrics = bundle.metadata["metrics"]
    return f"""## Training

{metrics["epochs"]} epochs in {metrics["seconds"]:.0f} s ({metrics["ended"]}); the weights of epoch
{metrics["best_epoch"]} were kept.

| | |
| --- | --- |
| training loss at that epoch | {metrics["training_loss"]:.6g} |
| validation loss | {metrics["validation_loss"]:.6g} |
| calibration error, median | {metrics["calibration_median"]:.6g} |
| calibration error, largest | {metrics["calibration_largest"]:.6g} |

![loss](plots/loss.png)

Held-out records, from the smallest to the largest error (of vectors the features with
the largest errors):

![reconstructions](plots/reconstructions.png)
"""


def _solution(bundle: Bundle) -> str:
    metrics, left_out = bundle.metadata["metrics"], bundle.metadata["left_out"]
    return f"""## Training

Its weights were computed, not trained, in {metrics["seconds"]:.0f} s.

| | |
| --- | --- |
| mean error of the records to learn from | {metrics["training_loss"]:.6g} |
| calibration error, median | {metrics["calibration_median"]:.6g} |
| calibration error, largest | {metrics["calibration_largest"]:.6g} |

Held-out records, from the smallest to the largest error (of vectors the features with
the largest errors):

![reconstructions](plots/reconstructions.png)

## Left out

{_left_out(left_out)}"""


def _left_out(left_out: Mapping[str, Any]) -> str:
    """The strangest of the records that the weights do not rest on."""
    if not left_out["count"]:
        return "No record was left out: they were said to be clean.\n"
    pairs = zip(left_out["rows"][:SHOWN_ROWS], left_out["errors"], strict=False)
    rows = "".join(f"| {row:,} | {error:.6g} |\n" for row, error in pairs)
    return f"""{left_out["count"]:,} records ({left_out["share"]:.3%} of those to learn from), the
strangest, do not teach the model what is normal: anomalies among them would. Most may be normal
and rare. If you vouch for all of them, train with `--clean`; if you know how many are anomalies,
say so (`--contamination`). The strangest (row 0 is the first; more are in bundle.json):

| row | error |
| --- | --- |
{rows}
{_LEFT_OUT_PICTURE}
"""


def _settings(bundle: Bundle) -> str:
    return (
        f"## Settings\n\n{_table(bundle.metadata['settings'])}\n"
        f"## Versions\n\n{_table(bundle.metadata['versions'])}"
    )


def _table(values: Mapping[str, Any]) -> str:
    rows = "".join(f"| {name} | {value} |\n" for name, value in values.items())
    return f"| name | value |\n| --- | --- |\n{rows}"

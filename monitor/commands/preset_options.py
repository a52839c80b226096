"""The options of `train` by which it chooses the architecture itself, and what it says of that."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.presets import AUTO, BEST_MINUTES, COST, FAST, MINUTES, PRESETS, Preset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.description import Description
    from models.settings import TrainingSettings


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Add --preset, --minutes and --cost."""
    group = parser.add_argument_group("which model, if you do not say it")
    group.add_argument(
        "--preset",
        choices=PRESETS,
        help="fast: the plain model of such data; auto, best: the one that finds most on known data"
        " sets, unless another ranks synthetic anomalies clearly better (default: auto, or fast if"
        " the model or its training is described by other options)",
    )
    group.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help=f"auto, best: try candidates for so long (default {MINUTES:g}, {BEST_MINUTES:g})",
    )
    group.add_argument(
        "--cost",
        type=float,
        metavar="TIMES",
        help="auto, best: a record may cost a daemon so many times what the plain model's does; inf"
        f" for any (default {COST:g})",
    )


def chosen(
    options: argparse.Namespace,
    records: NDArray[Any],
    settings: TrainingSettings,
    described: Description,
) -> tuple[TrainingSettings, dict[str, Any] | None]:
    """The settings that the preset chooses, and what it compared; these and None for fast.

    What is tried is counted on stderr. With --resume: what was chosen before. Raises UserError.
    """
    preset = _asked(options, settings)
    if preset.name == FAST:
        return settings, None
    if options.resume:
        return _before(options, settings, preset)

    from models import search
    from monitor.process.progress import Bars

    with Bars() as bars, bars.count("trying candidates", None, "done") as advance:
        choice = search.choose(records, settings, preset, described, told=lambda _: advance(1))
    return choice.settings, choice.to_json()


def _before(
    options: argparse.Namespace, settings: TrainingSettings, preset: Preset
) -> tuple[TrainingSettings, dict[str, Any] | None]:
    """What the interrupted training had chosen."""
    from models.checkpoint import folder_of, read_about
    from monitor.errors import UserError

    folder = folder_of(options.out)
    about = read_about(folder)
    document = about["choice"]
    limit = None if math.isinf(preset.cost) else preset.cost
    if document is None or (document.get("name"), document.get("cost")) != (preset.name, limit):
        raise UserError(
            f"{folder}: its model was not chosen by preset {preset.name} within this cost. Give the"
            " same options as before, or train anew without --resume"
        )
    stored = about["identity"].get("settings")
    names = ("architecture", "architecture_settings", "error_metric")
    if not isinstance(stored, dict) or not set(names) <= set(stored):
        raise UserError(f"{folder}: it does not say what was trained. Train anew without --resume")
    return replace(settings, **{name: stored[name] for name in names}), document


def _asked(options: argparse.Namespace, settings: TrainingSettings) -> Preset:
    from monitor.errors import UserError

    said = settings.architecture is not None or bool(settings.architecture_settings)
    name = options.preset
    if name is None:
        name = FAST if said or settings.of_gradients else AUTO
    elif said and name != FAST:
        raise UserError(f"--preset {name} chooses the model: leave out --arch and its settings")
    if name == FAST and (options.minutes is not None or options.cost is not None):
        raise UserError("--minutes and --cost are for --preset auto or best")
    return Preset(name, options.minutes, COST if options.cost is None else options.cost)


def told(document: Mapping[str, Any]) -> str:
    """What was compared and chosen, for people. document: as `Choice.to_json` gives it."""
    from models.choice import table

    lines = [f"preset       {document['name']}: {document['why']}"]
    rows = table(document)
    if len(rows) > 1:
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    limit = document["cost"]
    if limit is not None and any(trial["cost"] > limit for trial in document["candidates"]):
        lines.append(f"{'':13}--cost inf tries all, whatever scoring a record costs")
    return "\n".join(lines)

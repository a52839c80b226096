"""The options of `train` by which it chooses the architecture itself, and what it says of that."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from models.presets import AUTO, BEST_MINUTES, COST, FAST, MINUTES, PRESETS, Preset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.choice import Choice
    from models.description import Description
    from models.settings import TrainingSettings


def add_preset(parser: argparse.ArgumentParser) -> None:
    """Add --preset, --minutes and --cost."""
    group = parser.add_argument_group("which model, if you do not say it")
    group.add_argument(
        "--preset",
        choices=PRESETS,
        help="fast: the plain model of such data; auto, best: of several the one that ranks"
        " synthetic anomalies best (default: auto, or fast if the model or its training is"
        " described by other options)",
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
        help="auto, best: scoring a record may cost so many times what the plain model does; inf"
        f" for any (default {COST:g})",
    )


def choice_of(
    options: argparse.Namespace,
    records: NDArray[Any],
    settings: TrainingSettings,
    described: Description,
) -> Choice | None:
    """What the preset chooses for the records; None for fast. Says what is tried, on stderr.

    Raises UserError.
    """
    preset = _asked(options, settings)
    if preset.name == FAST:
        return None

    from models import search
    from monitor.process.progress import Bars

    with Bars() as bars, bars.count("trying candidates", None, "done") as advance:
        return search.choose(records, settings, preset, described, told=lambda _: advance(1))


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


def told(choice: Choice) -> str:
    """What was compared and chosen, for people."""
    from models.choice import table

    document = choice.to_json()
    lines = [f"preset       {choice.preset}: {choice.why}"]
    if choice.trials:
        rows = table(document)
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
    if not math.isinf(choice.limit) and any(t.cost > choice.limit for t in choice.trials):
        lines.append(f"{'':13}--cost inf tries all, whatever scoring a record costs")
    return "\n".join(lines)

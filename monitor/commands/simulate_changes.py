"""`simulate --change`: the user's own records, changed as they say, through model and judge."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from monitor.commands import simulate_picture, simulate_report
from monitor.commands.context_options import times_of
from monitor.commands.data_options import reading, remembered, source_of
from monitor.commands.options import scorer_for
from monitor.datasets import fitting
from monitor.drift.channels.choice import chosen
from monitor.drift.channels.weights import check_fit
from monitor.drift.judge_settings import JudgeSettings
from monitor.drift.simulation import AFTER
from monitor.errors import UserError
from monitor.pipeline import offline
from monitor.pipeline.changes.grammar import parse
from monitor.pipeline.replay import Replay
from monitor.process.progress import Bars
from monitor.stream.records import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.bundle import Bundle
    from models.channels import Channels
    from monitor.datasets.request import Reading
    from monitor.pipeline.changes.change import Change
    from monitor.pipeline.scorer import Scorer

MOST_NUMBERS: Final = 1 << 26
"""Numbers kept in memory of each file, but for FEWEST records: their own and their channels'."""
FEWEST: Final = 100
"""Normal records to draw from, at least."""
SLOWEST: Final = 1e-6
"""Records a second, for times to fit into milliseconds."""


def run(options: argparse.Namespace, settings: JudgeSettings) -> int:
    """Simulate each change, print the table, write it and its picture."""
    _check(options)
    scorer = scorer_for(options, lambda bundle: _watched(options, settings, bundle))
    with Bars() as bars:
        asked = remembered(reading(options, watch=bars.count), scorer.bundle)
        changes = _changes(options.change, scorer.bundle, asked)
        replay = _replay(options, settings, scorer, asked, bars)
        goal = options.records + options.repeats * len(changes) * AFTER
        with bars.count("simulating", goal) as advance:
            quiet = replay.false_alarms(options.records, options.seed, advance)
            found = replay.replayed(changes, options.repeats, options.seed, advance)
    if found.restless == options.repeats:
        raise UserError(
            f"{source_of(options)}: the judge fires on these records unchanged, each time:"
            f" {found.restless_sentence}. Give records as normal as those that calibrated the"
            " model, or raise --tolerance"
        )
    result = simulate_report.Result(
        replay, source_of(options), options.seed, options.repeats, quiet, found
    )
    table = simulate_report.table(result)
    simulate_report.write(Path(options.out), result, table, simulate_picture.draw(result))
    print(table)
    print(f"written: {Path(options.out, 'simulation.json')}, {Path(options.out, 'simulation.png')}")
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.data is None:
        raise UserError("--change needs --data: the normal records that are changed")
    if options.errors is not None:
        raise UserError("--errors replays errors, --change changes records: give one of them")
    if not SLOWEST <= options.rate < math.inf:
        raise UserError(f"--rate must be at least {SLOWEST:g}, got {options.rate:g}.")
    twice = sorted({each for each in options.change if options.change.count(each) > 1})
    if twice:
        raise UserError(f'--change "{twice[0]:.200}" is given twice')


def _watched(
    options: argparse.Namespace, settings: JudgeSettings, bundle: Bundle
) -> Channels | None:
    """The channels that are watched, which the weights must fit."""
    found = _channels(options.channels, bundle)
    if found is not None:
        try:
            check_fit(settings.channel_weights, found)
        except ValueError as error:
            raise UserError(f"--channel-weights: {error}.") from None
    return found


def _channels(asked: list[str] | None, bundle: Bundle) -> Channels | None:
    """The channels that are watched, as the daemon's `drift.channels` says."""
    if asked in (None, ["off"]):
        return None
    if bundle.channels is None:
        raise UserError(
            f"--channels: {bundle.path} has none. Train it again; bundles of before and"
            " --precision bfloat16 have no channels"
        )
    if asked == ["standard"]:
        return bundle.channels
    try:
        return chosen(asked or (), bundle.channels)
    except ValueError as error:
        raise UserError(f"--channels: {error}.") from None


def _changes(texts: list[str], bundle: Bundle, asked: Reading) -> list[Change]:
    spec = bundle.input_spec

    def read(path: str, where: str | None) -> NDArray[Any]:
        parts = fitting.blocks([path], None, spec, replace(asked, where=where))
        most = max(FEWEST, MOST_NUMBERS // math.prod(spec.record_shape))
        kept, count = [], 0
        with closing(parts):  # type: ignore[type-var]
            for data in parts:
                kept.append(fitting.as_recorded(data.records, spec, path)[: most - count])
                count += len(kept[-1])
                if count == most:
                    asked.say(f"{path}: the first {most:,} records are taken")
                    break
        return np.concatenate(kept)

    return [parse(text, spec, read) for text in texts]


def _replay(
    options: argparse.Namespace,
    settings: JudgeSettings,
    scorer: Scorer,
    asked: Reading,
    bars: Bars,
) -> Replay:
    channels = _channels(options.channels, scorer.bundle)
    records, scores, moments = _normal(options, scorer, channels, asked, bars)
    replay = Replay(
        scorer, channels, settings, records, scores, options.block, options.rate, moments
    )
    try:
        replay.judge()
    except ValueError as error:
        raise UserError(f"{error}.") from None
    return replay


def _normal(
    options: argparse.Namespace,
    scorer: Scorer,
    channels: Channels | None,
    asked: Reading,
    bars: Bars,
) -> tuple[NDArray[Any], Scores, NDArray[np.int64] | None]:
    """The normal records, their scores, and their times if they are judged by the hour; of those
    with a finite error."""
    spec, source = scorer.bundle.input_spec, source_of(options)
    width = math.prod(spec.record_shape) + (0 if channels is None else len(channels.kept))
    most, kept, scores, count = max(FEWEST, MOST_NUMBERS // width), [], [], 0
    parts, times = fitting.blocks(options.data, None, spec, asked), list[Any]()
    read = times_of(options, asked, scorer)
    with closing(offline.scored(scorer, parts, source, bars.count)) as scored:  # type: ignore[type-var]
        for data, found in scored:
            if count >= most:
                asked.say(f"{source}: the first {count:,} records are replayed")
                break
            kept.append(fitting.as_recorded(data.records, spec, source))
            scores.append(found)
            if read is not None:
                times.append(read(data))
            count += len(data.records)
    records, joined = np.concatenate(kept), _joined(scores)
    moments = np.concatenate(times) if times else None
    finite = np.isfinite(joined.reconstruction_error)
    if not finite.all():
        asked.say(f"{source}: left out: {int((~finite).sum()):,} records without a finite error")
        records, joined = records[finite], joined.where(finite)
        moments = None if moments is None else moments[finite]
    if len(records) < FEWEST:
        raise UserError(f"{source}: {len(records)} normal records; give {FEWEST} or more")
    return records, joined, moments


def _joined(parts: Sequence[Scores]) -> Scores:
    first = parts[0]
    return Scores(
        np.concatenate([part.reconstruction_error for part in parts]),
        first.p_values,
        np.concatenate([part.anomalous for part in parts]),
        first.model_version,
        None
        if first.channels is None
        else np.concatenate([part.channels for part in parts if part.channels is not None]),
        first.adjust,
        None
        if first.cells is None
        else np.concatenate([part.cells for part in parts if part.cells is not None]),
    )

"""A retraining from beginning to end: what is wanted in, a folder with the result out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from models.bundle import Bundle
from models.input_spec import InputSpec
from monitor.config import Config
from monitor.daemon.assembly.codec import build_decoder, is_resized
from monitor.daemon.assembly.judge import judge_settings
from monitor.daemon.assembly.kafka import build_connection
from monitor.errors import DataError
from monitor.process.progress import count_bar, epochs_bar
from monitor.retrain_job import folder, pictures, reading, report
from monitor.retrain_job.candidate import Mixture, hold_out
from monitor.retrain_job.comparison import Before, Labelled, load_before, load_labelled
from monitor.retrain_job.current import current_bundle
from monitor.retrain_job.ranges import Ranges
from monitor.retrain_job.reading import Account, Limits, Reader, Stretch
from monitor.retrain_job.report import Story
from monitor.retrain_job.rows import RowsOf, rows_of
from monitor.retrain_job.run import Choices, Inputs, rate_of, retrain
from monitor.retraining.request import RetrainRequest
from monitor.stream.offset_reader import opened

BEFORE_RECORDS: Final = 5000
"""Most records of before the drift that are read from Kafka, to compare with."""


@dataclass(frozen=True, slots=True)
class Data:
    """What to compare on, besides the request's own records; each as the data sets take it.

    reference, where: normal records of before. labelled, labels: stored anomalies, by kind.
    """

    reference: str | None = None
    where: str | None = None
    labelled: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted.

    request: None if there is none; drifted: the records to learn from, its own or others.
    bundle: the current model, if not the configuration's. most: records to learn from. seed: of
    their choice. settings: a file of training settings.
    """

    request: RetrainRequest | None
    drifted: Ranges
    bundle: Path | None = None
    mixture: Mixture = field(default_factory=Mixture)
    data: Data = field(default_factory=Data)
    most: int = 100_000
    seed: int = 0
    settings: Path | None = None


def carry_out(order: Order, config: Config, out: Path) -> Story:
    """Read, train, judge, and write the result to `out`. Raises UserError."""
    version = None if order.request is None else order.request.model_version
    current = current_bundle(config, version, order.bundle)
    folder.check(out)
    with folder.written(out) as draft:
        story = _story(order, config, current, draft)
        _write(story, draft, config.device)
    return story


def _story(order: Order, config: Config, current: Bundle, draft: Path) -> Story:
    before, labelled = _given(order, current.input_spec)
    drifted, read, old, old_read = _read(order, config, current, before)
    inputs = Inputs(
        current=current,
        drifted=drifted,
        before=old,
        labelled=labelled,
        source=_source(order),
        rate=rate_of(drifted, read.asked),
    )
    choices = Choices(
        order.mixture,
        config.retraining.gates,
        judge_settings(config),
        order.settings,
        config.device,
    )
    with epochs_bar() as progress:
        result = retrain(inputs, choices, draft / "bundle", progress)
    return Story(result, inputs, order.request, read, old_read, config.kafka.bootstrap_servers)


def _given(order: Order, spec: InputSpec) -> tuple[Before | None, Labelled | None]:
    """The data sets that were named."""
    data, before, labelled = order.data, None, None
    if data.reference is not None:
        before = load_before(data.reference, data.where, spec, order.most)
    if data.labelled is not None:
        labelled = load_labelled(data.labelled, list(data.labels), spec)
    return before, labelled


def _read(
    order: Order, config: Config, current: Bundle, before: Before | None
) -> tuple[Stretch, Account, Before | None, Account | None]:
    """The drifted records, and those of before unless they were given; what became of both."""
    shape = current.input_spec.record_shape
    decode = build_decoder(config.codec, current.input_spec, is_resized(current))
    rows = rows_of(decode, current.input_spec)
    good = None if order.request is None else order.request.good
    old_read = None
    connection = build_connection(config.kafka)
    with opened(connection, config.kafka.isolation, config.kafka.fetch_max_bytes) as reader:
        limits = Limits(order.most, shape, order.seed)
        drifted, read = _stretch(reader, order.drifted, rows, limits, "drifted records")
        _check_enough(drifted, read, order.mixture.held_out)
        if before is None and good is not None:
            few = Limits(min(BEFORE_RECORDS, order.most), shape, order.seed)
            old, old_read = _stretch(reader, good.offsets, rows, few, "records of before")
            before = Before(old.rows, "the last stretch without drift") if len(old) else None
    if before is None and order.mixture.old:
        raise DataError(
            "--reference-share: the topic holds no records of before the drift any more, or the"
            " request names none. Give some with --reference DATA, or leave it out"
        )
    return drifted, read, before, old_read


def _stretch(
    reader: Reader,
    wanted: Ranges,
    rows: RowsOf,
    limits: Limits,
    text: str,
) -> tuple[Stretch, Account]:
    account, runs = reading.plan(reader, wanted, limits)
    with count_bar(text, account.chosen) as advance:
        return reading.read(reader, account, runs, rows, limits, advance), account


def _check_enough(stretch: Stretch, account: Account, held_out: float) -> None:
    """Raise DataError for too few records, and say where the others are."""
    try:
        hold_out(stretch, held_out)
    except DataError as error:
        raise DataError(f"{error}. {report.told(account)}") from None


def _source(order: Order) -> str:
    """What the model card says of the records."""
    name = "a drifted stretch" if order.request is None else f"request {order.request.id}"
    places = [f"{p}:{first}-{after}" for p, (first, after) in sorted(order.drifted.items())]
    return f"{name}, {' '.join(places[:8])}{' ...' if len(places) > 8 else ''}"


def _write(story: Story, draft: Path, device: str) -> None:
    result = story.result
    both = (result.current, result.evaluation)
    drawn = pictures.draw(result.candidate, both, result.held_out.rows, device)
    (draft / "plots").mkdir()
    for name, picture in drawn.items():
        (draft / "plots" / name).write_bytes(picture)
    (draft / "report.md").write_text(report.markdown(story), encoding="utf-8")
    text = json.dumps(report.document(story), indent=2, allow_nan=False) + "\n"
    (draft / folder.REPORT).write_text(text, encoding="utf-8")

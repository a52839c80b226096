"""A table's columns for a model, by name; what does not fit is refused with the difference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from models.input_spec import InputSpec
from models.schema import Feature, Schema
from monitor.datasets import choosing, tables
from monitor.datasets.column import is_vectors
from monitor.datasets.dataset import Dataset
from monitor.datasets.request import Reading
from monitor.datasets.rows import Converter, Taken
from monitor.datasets.table import Table, listed
from monitor.errors import DataError

_ELEMENT: Final = re.compile(r"(?P<column>.+)\[(?P<at>\d+)\]", re.DOTALL)


def blocks(paths: list[str], spec: InputSpec, reading: Reading) -> Iterator[Dataset]:
    """The records of table files as the model takes them, in parts; raises DataError."""
    table = tables.opened(paths, reading)
    tables.told(table, reading)
    chosen, used = choosing.of_table(table, reading)
    carried = [name for name in (*table.index, *reading.carried) if name in table.types]
    aside = {*used, *carried, *reading.label, *reading.drop}
    taken = _by_name(table, spec, reading, aside) if spec.features else None
    taken = taken or _by_position(table, spec, reading, aside)
    converter = Converter(taken, table.decimal, None, reading.missing == "skip")
    names = [each.column for each in taken]
    yield from tables.datasets(
        table, converter, spec.schema, chosen, names, list(dict.fromkeys(carried))
    )
    for name, count in converter.tally.unseen.items():
        reading.say(f"{table.source}: {name!r}: {count:,} values that training had not seen")
    if converter.tally.skipped:
        reading.say(
            f"{table.source}: left out: {converter.tally.skipped:,} records that lack a value"
        )


def _by_name(
    table: Table, spec: InputSpec, reading: Reading, aside: set[str]
) -> tuple[Taken, ...] | None:
    """Where the model's features are; None if the table has no names, and that was said to do."""
    taken, absent = _found(table, spec.schema)
    if absent and not table.named:
        if reading.by_position:
            return None
        raise DataError(
            f"{table.source}: its columns have no names; the model's are {listed(spec.features)}."
            " Say --header yes if the first line names them, or --by-position if they come in the"
            " model's order"
        )
    if absent:
        raise DataError(
            f"{table.source}: no column {absent[0]!r}, which the model was trained on"
            f"{_more(absent)}. Give the columns {listed(spec.features)}; the file has"
            f" {listed(table.names)}"
        )
    used = {each.column for each in taken}
    unknown = [name for name in table.names if name not in used | aside]
    if unknown:
        reading.say(f"{table.source}: not in the model, left out: {listed(unknown)}")
    return taken


def _more(absent: list[str]) -> str:
    return f" (nor {listed(absent[1:])})" if len(absent) > 1 else ""


def _found(table: Table, schema: Schema) -> tuple[tuple[Taken, ...], list[str]]:
    """Each feature's column, and the features that have none."""
    taken, absent = list[Taken](), list[str]()
    lists = _lists(table, schema)
    for feature in schema.features:
        if feature.name in table.types and not is_vectors(table.types[feature.name]):
            taken.append(Taken(feature.name, feature))
            continue
        column = lists.get(feature.name)
        if column is None:
            absent.append(feature.name)
        elif column[1] == 0:
            taken.append(Taken(column[0], feature, column[2]))
    if not absent and sum(max(1, each.width) for each in taken) != len(schema.features):
        absent = [name for name in lists if lists[name][1]][:1]
    return tuple(taken), absent


def _lists(table: Table, schema: Schema) -> dict[str, tuple[str, int, int]]:
    """Features that are one number of a list: its column, the place in it, how many there are."""
    found = dict[str, tuple[str, int]]()
    for name in schema.names:
        match = _ELEMENT.fullmatch(name)
        if match and match["column"] in table.types and is_vectors(table.types[match["column"]]):
            found[name] = (match["column"], int(match["at"]))
    widths = Counter(column for column, _ in found.values())
    return {name: (column, at, widths[column]) for name, (column, at) in found.items()}


def _by_position(
    table: Table, spec: InputSpec, reading: Reading, aside: set[str]
) -> tuple[Taken, ...]:
    """Columns in the model's order; their number must be right."""
    if spec.is_image:
        raise DataError(f"{table.source}: a table, and the model was trained on pictures")
    names = [name for name in table.names if name not in aside]
    features = spec.schema.features or tuple(Feature(name) for name in names)
    lists = [name for name in names if is_vectors(table.types[name])]
    if len(names) != spec.record_shape[0] or lists:
        raise DataError(
            f"{table.source}: each record must have shape {spec.record_shape}, got"
            f" ({len(names)},), the columns {listed(names)}. Leave others out with --drop"
        )
    if table.named:
        reading.say(f"{table.source}: the model has no names: columns taken in the file's order")
    elif spec.features:
        reading.say(f"{table.source}: columns taken in the model's order: {listed(spec.features)}")
    return tuple(Taken(name, feature) for name, feature in zip(names, features, strict=True))

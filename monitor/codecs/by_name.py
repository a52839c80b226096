"""Records that carry the model's features by name, in whatever format: objects, maps, messages.

A feature `motor.temp` is the key "motor.temp", or "temp" of the object under "motor"; a part of a
path that is a number is the position in a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.schema import Feature
from monitor.codecs.features import missing, reader
from monitor.codecs.rows import kind
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

NUMBERS: Final = frozenset({int, float})
_ABSENT: Final = object()
_SHOWN: Final = 8
"""Keys of a record that messages name."""
_NAMED: Final = 10
"""Keys that the log names."""
BY_POSITION: Final = (
    "records are lists: their values are taken in the order of the training data, and nothing"
    " shows whether that is right. Send them by name, or set codec.by_position: true"
)


def extra_remark(keys: Iterable[Any]) -> str:
    """What is said once of keys that are no feature."""
    some = list(islice(keys, _NAMED + 1))
    more = " and others" if len(some) > _NAMED else ""
    named = ", ".join(ascii(str(key)[:40]) for key in some[:_NAMED])
    return f"keys that are no feature of the model are ignored (codec.extra): {named}{more}"


class Repeated(dict[Any, Any]):
    """An object in which a key stands twice. key: the first such."""

    key: Any = None


def object_of(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    """The object of some keys and values; a `Repeated` if a key is there twice."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated, seen = Repeated(found), set[Any]()
    repeated.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return repeated


def check_once(record: Mapping[Any, Any]) -> None:
    """Raise DecodeError if a key is there twice."""
    if isinstance(record, Repeated):
        raise DecodeError("undecodable", f"the key {record.key!r:.80} is there twice")


class ByName:
    """Makes rows, float64, of records by the names of a schema.

    numbers_only: all features are numbers that are never missing. refuses_extra: keys that are no
    feature are refused.
    """

    def __init__(self, settings: CodecSettings) -> None:
        self._schema = settings.features
        features = self._schema.features
        self._reads = [reader(feature, settings.numbers_as_text) for feature in features]
        self._paths = [feature.name.split(".") for feature in features]
        self._roots = {path[0] for path in self._paths} | set(self._schema.names)
        self._roots |= set(settings.beside)
        self.refuses_extra = settings.refuse_extra
        self._max_rows = settings.max_rows
        self._say = settings.say
        self._looks_for_extra = not settings.refuse_extra
        self._trusted = settings.by_position
        self.numbers_only = all(f.kind == "number" and not f.missing for f in features)
        self._lists = self._schema.plain or settings.by_position

    def rows(self, records: Sequence[Any]) -> NDArray[np.float64]:
        """Rows (n, d) of objects, or of lists of values in order. Raises DecodeError."""
        if len(records) > self._max_rows:
            raise DecodeError("too_many_rows", f"{len(records)} rows, more than {self._max_rows}")
        rows = []
        for number, record in enumerate(records):
            try:
                rows.append(self._row(record))
            except DecodeError as error:
                if len(records) == 1:
                    raise
                raise DecodeError(error.reason, f"row {number}: {error}"[:300]) from None
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self._paths))

    def _row(self, record: Any) -> list[float]:
        if isinstance(record, Mapping):
            return self.row(record)
        if isinstance(record, list):
            return self.in_order(record)
        raise DecodeError("wrong_shape", f"an object of features expected, got {kind(record)}")

    def row(self, record: Mapping[Any, Any]) -> list[float]:
        """The row of one object. Raises DecodeError that names the feature."""
        check_once(record)
        if self.refuses_extra:
            self._check_extra(record)
        self.heed_extra(record)
        row = []
        for feature, path, read in zip(
            self._schema.features, self._paths, self._reads, strict=True
        ):
            value = record.get(feature.name, _ABSENT)
            if value is _ABSENT and len(path) > 1:
                value = _at(record, path)
            row.append(_absent(feature, record) if value is _ABSENT else read(value))
        return row

    def heed_extra(self, record: Mapping[Any, Any]) -> None:
        """Say which keys are no feature, of the first record that has some."""
        if self._looks_for_extra and not record.keys() <= self._roots:
            self._looks_for_extra = False
            self._say(extra_remark(key for key in record if key not in self._roots))

    def flat_row(self, record: Mapping[str, Any]) -> list[float] | None:
        """The same of keys of the object itself; None if in doubt. Objects inside are not seen."""
        if self.refuses_extra and not record.keys() <= self._roots:
            return None
        row = []
        for name, read in zip(self._schema.names, self._reads, strict=True):
            if name not in record and "." in name:
                return None
            try:
                row.append(read(record.get(name)))
            except DecodeError:
                return None
        return row

    def in_order(self, values: list[Any]) -> list[float]:
        """The row of a list of values in the order of the features."""
        if not self._lists:
            raise DecodeError(
                "undecodable",
                "a list, but the model has categories or missing values: send objects by the names"
                " of its features, or set codec.by_position: true if the order is right",
            )
        if len(values) != len(self._reads):
            raise DecodeError(
                "wrong_shape", f"{len(self._reads)} values expected, got {len(values)}"
            )
        return [read(value) for read, value in zip(self._reads, values, strict=True)]

    def _check_extra(self, record: Mapping[Any, Any]) -> None:
        extra = [key for key in record if key not in self._roots]
        if extra:
            raise DecodeError(
                "wrong_shape", f"the model has no feature {_shown(extra)} (codec.extra: refuse)"
            )

    def remark(self) -> str:
        """What is to be said once of lists, or nothing."""
        return "" if self._trusted or not self._paths else BY_POSITION

    def document(self, row: NDArray[Any]) -> dict[str, Any]:
        """The object that carries a row, null where a value is missing; ValueError if it is not."""
        if not np.isfinite(row[~self._schema.may_be_missing]).all() or np.isinf(row).any():
            raise ValueError("numbers must be finite")
        features = zip(self._schema.features, row.tolist(), strict=True)
        return {feature.name: _sent(feature, value) for feature, value in features}


def _sent(feature: Feature, value: float) -> Any:
    """What stands for a number of a row."""
    if value != value:  # NaN
        return None
    if feature.kind == "boolean":
        return bool(value)
    return feature.text(value) if feature.kind == "category" else value


def _at(record: Any, path: Sequence[str]) -> Any:
    """What a path leads to."""
    for part in path:
        if isinstance(record, Mapping):
            check_once(record)
            record = record.get(part, _ABSENT)
        elif isinstance(record, list) and part.isdecimal() and len(part) < 9:
            record = record[int(part)] if int(part) < len(record) else _ABSENT
        else:
            return _ABSENT
        if record is _ABSENT:
            return _ABSENT
    return record


def _absent(feature: Feature, record: Mapping[Any, Any]) -> float:
    """What stands for a feature without a key."""
    return missing(feature, f"; the record has {_shown(list(record))}" if record else "")


def _shown(keys: Sequence[Any]) -> str:
    named = ", ".join(f"{key!s:.40}" for key in islice(_readable(keys), _SHOWN))
    return named if len(keys) <= _SHOWN else f"{named} and {len(keys) - _SHOWN} more"


def _readable(keys: Sequence[Any]) -> Iterator[str]:
    for key in keys:
        yield str(key)[:40].encode("utf-8", "backslashreplace").decode()

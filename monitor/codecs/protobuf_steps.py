"""From fields of a Protobuf message to what stands for them in a record, and back.

The messages are those of `protobuf_plan.py`: text is bytes there, and an enum its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from models.schema import Feature
from monitor.codecs.many import CannotEncodeError

FLOATS: Final = frozenset({1, 2})
INTEGERS: Final = frozenset({3, 4, 5, 6, 7, 13, 15, 16, 17, 18})
BOOL, STRING, GROUP, MESSAGE, BYTES, ENUM = 8, 9, 10, 11, 12, 14
NUMBERS: Final = FLOATS | INTEGERS
_KEYS: Final = {
    kind: keys
    for kinds, keys in (
        ((5, 15, 17), range(-(2**31), 2**31)), ((3, 16, 18), range(-(2**63), 2**63)),
        ((7, 13), range(2**32)), ((4, 6), range(2**64)),
    )
    for kind in kinds
}  # fmt: skip
"""Whole numbers that a map may have as keys, by their type."""
_ABSENT: Final = object()


def name_of(number: int) -> str:
    """What a field is called in the messages that are read."""
    return f"f{number}"


@dataclass(slots=True)
class Node:
    """A message, and what is read of it by key. source: its descriptor."""

    source: Any
    steps: dict[str, Step] = field(default_factory=dict)

    def read(self, message: Any) -> dict[Any, Any]:
        """What is there, by key; what is absent has none."""
        found: dict[Any, Any] = {}
        for key, step in self.steps.items():
            value = step.read(message)
            if value is not _ABSENT:
                found[key] = value
        return found

    def put(self, message: Any, path: str, value: Any) -> None:
        """Write a value at a path. Raises CannotEncodeError."""
        first, _, rest = (path, "", "") if path in self.steps else path.partition(".")
        if first not in self.steps:
            raise CannotEncodeError(f"{self.source.full_name} has no field {first!r:.80}")
        self.steps[first].put(message, rest, value)

    def nodes(self) -> Iterator[Node]:
        """It, and all within."""
        yield self
        for step in self.steps.values():
            if step.child is not None:
                yield from step.child.nodes()


class Step:
    """One field. source: its descriptor. child: of what message, if it is one."""

    def __init__(self, source: Any, child: Node | None = None) -> None:
        self.source = source
        self.child = child
        self.name = name_of(source.number)

    def read(self, message: Any) -> Any:
        """The value; `_ABSENT` if there is none."""
        raise NotImplementedError

    def put(self, message: Any, rest: str, value: Any) -> None:
        """Write a value at the path below. Raises CannotEncodeError."""
        raise CannotEncodeError(f"the field {self.source.name} is not written")


class Value(Step):
    """A number, text, boolean or enum; wrapped: a message of google/protobuf/wrappers.proto."""

    def __init__(self, source: Any, feature: Feature, wrapped: bool, child: Node | None) -> None:
        super().__init__(source, child)
        self._inner = source.message_type.fields_by_number[1] if wrapped else source
        self._wrapped = wrapped
        self._convert = converted(self._inner, feature)
        self._default: Any = _ABSENT
        if source.has_default_value:
            self._default = self._convert(source.default_value)
        self._optional = bool(source.has_presence)

    def read(self, message: Any) -> Any:
        """See `Step`."""
        if self._optional and not message.HasField(self.name):
            return self._default
        value = getattr(message, self.name)
        return self._convert(value.f1 if self._wrapped else value)

    def put(self, message: Any, rest: str, value: Any) -> None:
        """See `Step`."""
        place, name = (getattr(message, self.name), "f1") if self._wrapped else (message, self.name)
        with writing(self.source, value):
            setattr(place, name, written(self._inner, value))


class Within(Step):
    """A message, of which some fields are read."""

    def read(self, message: Any) -> Any:
        """See `Step`."""
        assert self.child is not None  # noqa: S101
        if not message.HasField(self.name):
            return _ABSENT
        return self.child.read(getattr(message, self.name))

    def put(self, message: Any, rest: str, value: Any) -> None:
        """See `Step`."""
        assert self.child is not None  # noqa: S101
        place = getattr(message, self.name)
        place.SetInParent()
        self.child.put(place, rest, value)


class Numbers(Step):
    """The numbers of a list. size: how many are expected; of more, one more is read."""

    def __init__(self, source: Any, size: int) -> None:
        super().__init__(source)
        self._count = size + 1

    def read(self, message: Any) -> Any:
        """See `Step`."""
        return list(islice(getattr(message, self.name), self._count))

    def put(self, message: Any, rest: str, value: Any) -> None:
        """See `Step`."""
        with writing(self.source, "the row"):
            getattr(message, self.name).extend([written(self.source, each) for each in value])


class Items(Step):
    """The first items of a repeated field, as far as somebody asks for."""

    def __init__(self, source: Any, child: Node | None, feature: Feature) -> None:
        super().__init__(source, child)
        self.count = 0
        self._empty = b"" if source.type in (STRING, BYTES) else 0
        self._convert = converted(source, feature)

    def put(self, message: Any, rest: str, value: Any) -> None:
        """See `Step`."""
        index, _, rest = rest.partition(".")
        items = getattr(message, self.name)
        while len(items) <= int(index):
            items.add() if self.child is not None else items.append(self._empty)
        if self.child is not None:
            self.child.put(items[int(index)], rest, value)
            return
        with writing(self.source, value):
            items[int(index)] = written(self.source, value)

    def read(self, message: Any) -> Any:
        """See `Step`."""
        items = islice(getattr(message, self.name), self.count)
        if self.child is not None:
            return [self.child.read(item) for item in items]
        return [self._convert(item) for item in items]


class Entries(Step):
    """The keys of a map that somebody asks for."""

    def __init__(self, source: Any, child: Node | None) -> None:
        super().__init__(source, child)
        self.value = source.message_type.fields_by_name["value"]
        kind = source.message_type.fields_by_name["key"].type
        self._keys = None if kind == STRING else _KEYS.get(kind, range(0))
        self._wanted = dict[str, tuple[Any, Callable[[Any], Any]]]()

    def want(self, key: str, feature: Feature) -> None:
        """Read this key, too. Raises ValueError for one that the map cannot have."""
        typed: Any = key
        if self._keys is not None:
            if not re.fullmatch("-?[0-9]{1,20}", key) or int(key) not in self._keys:
                raise ValueError(f"{self.source.name} has numbers as keys, not {key!r:.40}")
            typed = int(key)
        self._wanted[key] = (typed, converted(self.value, feature))

    def read(self, message: Any) -> Any:
        """See `Step`."""
        entries, found = getattr(message, self.name), {}
        for key, (typed, convert) in self._wanted.items():
            if typed in entries:
                value = entries[typed]
                found[key] = convert(value) if self.child is None else self.child.read(value)
        return found

    def others(self, message: Any) -> list[str]:
        """Some keys that nobody asks for."""
        known = {typed for typed, _ in self._wanted.values()}
        return [str(key) for key in islice(getattr(message, self.name), len(known) + 8)
                if key not in known]  # fmt: skip

    def put(self, message: Any, rest: str, value: Any) -> None:
        """See `Step`."""
        entries = getattr(message, self.name)
        if self.child is not None:
            first, _, rest = rest.partition(".")
            self.child.put(entries[self._wanted[first][0]], rest, value)
            return
        with writing(self.source, value):
            entries[self._wanted[rest][0]] = written(self.value, value)


@contextmanager
def writing(source: Any, value: Any) -> Iterator[None]:
    """Whatever a field does not take is a CannotEncodeError."""
    try:
        yield
    except (TypeError, ValueError, KeyError) as error:
        raise CannotEncodeError(f"{source.name} cannot be {value!r:.40}: {error}") from None


def converted(source: Any, feature: Feature) -> Callable[[Any], Any]:
    """What makes a field's value what its feature reads. Raises UnicodeDecodeError when called."""
    if source.type == STRING:
        return lambda value: value.decode() if isinstance(value, bytes) else value
    if source.type != ENUM or feature.kind != "category":
        return lambda value: value
    names = {number: value.name for number, value in source.enum_type.values_by_number.items()}
    numbers = set(feature.categories)
    # A table may have had the numbers instead.
    return lambda value: value if str(value) in numbers else names.get(value, value)


def written(source: Any, value: Any) -> Any:
    """What a field takes for a value of a record. Raises TypeError, ValueError or KeyError."""
    if source.type == ENUM and isinstance(value, str):
        return source.enum_type.values_by_name[value].number
    if source.type == STRING:
        return (value if isinstance(value, str) else repr(value)).encode()
    if source.type in INTEGERS | {ENUM}:
        if value != int(value):
            raise ValueError("a whole number expected")
        return int(value)
    return value

"""Which fields of a Protobuf message are read: those that lead to features, and no others.

Of a message is made another that has only these fields. What it does not know, Protobuf's library
steps over without making anything of it: an empty message of two bytes would else take as much
memory as its type has fields, and a type may be within itself. Text is bytes there, and an enum
its number, so that what is wrong with them is found here.
"""

from __future__ import annotations

import math
from typing import Any, Final

from models.schema import Feature
from monitor.codecs.protobuf_classes import class_of, costs
from monitor.codecs.protobuf_steps import (
    GROUP,
    MESSAGE,
    NUMBERS,
    Entries,
    Items,
    Node,
    Numbers,
    Step,
    Value,
    Within,
)
from monitor.codecs.protobuf_wire import first_extra
from monitor.codecs.settings import CodecSettings

MOST_DEPTH: Final = 64
_WRAPPERS: Final = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String")
)
_SHOWN: Final = 10


class Plan:
    """What is read of a message. source: its descriptor.

    build: the class of the messages that are read. costs: of those that a payload may repeat.
    extra: fields of the record that the model does not know. Raises ValueError if the message lacks
    a feature.
    """

    def __init__(self, source: Any, settings: CodecSettings) -> None:
        self.source = source
        self.root = Node(source)
        self.path = settings.field.split(".") if settings.field else []
        self._features = settings.features.features
        if self._features:
            for feature in self._features:
                self._add(feature)
            self.extra = self._extra()
        else:
            self._add_list(source, math.prod(settings.record_shape))
            self.extra = []
        self.build = class_of(self.root)
        self.costs = tuple(costs(self.root))

    def way(self) -> list[Step]:
        """The fields that lead to the record."""
        steps: list[Step] = []
        node: Node | None = self.root
        for part in self.path:
            if node is None or part not in node.steps:
                break
            steps.append(node.steps[part])
            node = steps[-1].child
        return steps

    def extra_of(self, message: Any, value: bytes) -> str:
        """The name of a field or key of the record that no feature has; nothing if there is none.

        Raises DecodeError for too many fields to look at.
        """
        way = self.way()
        if way and isinstance(way[-1], Entries):
            for step in way[:-1]:
                message = getattr(message, step.name)
            return next(iter(way[-1].others(message)), "")
        node = self._record(way)
        known = frozenset(step.source.number for step in node.steps.values())
        number = first_extra(value, [step.source.number for step in way], known)
        if number is None:
            return ""
        field = node.source.fields_by_number.get(number)
        return str(number) if field is None else str(field.name)

    def _record(self, way: list[Step]) -> Node:
        """The message that is the record."""
        return self.root if not way or way[-1].child is None else way[-1].child

    def _add(self, feature: Feature) -> None:
        try:
            self._reach(self.root, [*self.path], [feature.name], feature, 0)
        except _NoFieldError as error:
            if error.parts:
                raise ValueError(f"{self._called} has no field {'.'.join(self.path)!r}") from None
            if not feature.missing:
                raise ValueError(
                    f"{self._called} has no field for {feature.name!r:.80}; it has {error}"
                ) from None

    @property
    def _called(self) -> str:
        return f"the message {self.source.full_name}"

    def _reach(
        self, node: Node, path: list[str], name: list[str], feature: Feature, depth: int
    ) -> None:
        """The field at a path, and then at a name: as a whole, or part by part."""
        if depth > MOST_DEPTH:
            raise ValueError(f"{feature.name!r:.80} is too deep")
        parts = [*path, *name]
        if not path and len(name) == 1 and _find(node.source, name[0]) is None and "." in name[0]:
            parts = name = name[0].split(".")
        field = _find(node.source, parts[0])
        if field is None:
            raise _NoFieldError(node.source, path)
        rest_path, rest_name = (path[1:], name) if path else ([], name[1:])
        rest = [*rest_path, *rest_name]
        if _is_map(field):
            self._reach_entry(node, parts[0], field, (rest_path, rest_name), feature, depth)
        elif field.is_repeated:
            self._reach_item(node, parts[0], field, (rest_path, rest_name), feature, depth)
        elif not rest:
            self._reach_value(node, parts[0], field, feature)
        elif field.type not in (MESSAGE, GROUP):
            raise _NoFieldError(node.source, path)
        else:
            step = node.steps.setdefault(parts[0], Within(field, Node(field.message_type)))
            if not isinstance(step, Within) or step.child is None:
                raise ValueError(f"{field.full_name} is a value, and has values within")
            self._reach(step.child, rest_path, rest_name, feature, depth + 1)

    def _reach_value(self, node: Node, key: str, field: Any, feature: Feature) -> None:
        wrapped = field.type == MESSAGE and field.message_type.full_name in _WRAPPERS
        if field.type in (MESSAGE, GROUP) and not wrapped:
            raise ValueError(
                f"{field.full_name} is a message {field.message_type.full_name}, and no value for"
                f" {feature.name!r:.80}"
            )
        if key in node.steps:
            raise ValueError(f"{field.full_name} is a value, and has values within")
        child = None
        if wrapped:
            child = Node(field.message_type)
            inner = field.message_type.fields_by_number[1]
            child.steps["value"] = Value(inner, feature, False, None)
        node.steps[key] = Value(field, feature, wrapped, child)

    def _reach_item(
        self, node: Node, key: str, field: Any, rest: tuple[list[str], list[str]],
        feature: Feature, depth: int,
    ) -> None:  # fmt: skip
        rest_path, rest_name = rest
        if rest_path or not rest_name or not rest_name[0].isdecimal() or len(rest_name[0]) > 8:
            raise ValueError(
                f"{field.full_name} is repeated: a feature is one item of it, as {field.name}.0"
            )
        child = Node(field.message_type) if field.type in (MESSAGE, GROUP) else None
        step = node.steps.setdefault(key, Items(field, child, feature))
        assert isinstance(step, Items)  # noqa: S101
        step.count = max(step.count, int(rest_name[0]) + 1)
        self._below(step, rest_name[1:], feature, depth)

    def _reach_entry(
        self, node: Node, key: str, field: Any, rest: tuple[list[str], list[str]],
        feature: Feature, depth: int,
    ) -> None:  # fmt: skip
        rest_path, rest_name = rest
        if rest_path or not rest_name:
            raise ValueError(f"{field.full_name} is a map: a feature is one of its keys")
        value = field.message_type.fields_by_name["value"]
        child = Node(value.message_type) if value.type == MESSAGE else None
        step = node.steps.setdefault(key, Entries(field, child))
        assert isinstance(step, Entries)  # noqa: S101
        step.want(rest_name[0], feature)
        self._below(step, rest_name[1:], feature, depth)

    def _below(self, step: Step, rest: list[str], feature: Feature, depth: int) -> None:
        if (step.child is None) != (not rest):
            raise ValueError(f"{step.source.full_name} has no value for {feature.name!r:.80}")
        if step.child is not None:
            self._reach(step.child, [], rest, feature, depth + 1)

    def _add_list(self, source: Any, size: int) -> None:
        """The repeated numbers of a model without names."""
        if not self.path:
            lists = [f.json_name for f in source.fields if f.is_repeated and f.type in NUMBERS]
            if len(lists) != 1:
                raise ValueError(
                    f"{self._called} has {len(lists)} lists of numbers: set codec.field to the"
                    " path of the one to read"
                )
            self.path = lists
        node = self.root
        for part in self.path[:-1]:
            field = _find(node.source, part)
            if field is None or field.is_repeated or field.type not in (MESSAGE, GROUP):
                raise ValueError(f"{self._called} has no field {'.'.join(self.path)!r}")
            step = node.steps[part] = Within(field, Node(field.message_type))
            assert step.child is not None  # noqa: S101
            node = step.child
        field = _find(node.source, self.path[-1])
        if field is None or not field.is_repeated or field.type not in NUMBERS:
            raise ValueError(f"{self._called} has no list of numbers {'.'.join(self.path)!r}")
        node.steps[self.path[-1]] = Numbers(field, size)

    def _extra(self) -> list[str]:
        """Names of the fields of the record that are not read."""
        way = self.way()
        if way and isinstance(way[-1], Entries):
            return []
        node = self._record(way)
        known = {step.source.number for step in node.steps.values()}
        return [field.name for field in node.source.fields if field.number not in known]


class _NoFieldError(Exception):
    """parts: what is left of the path to the record. The text: fields that are there."""

    def __init__(self, source: Any, parts: list[str]) -> None:
        names = [field.name for field in source.fields]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        super().__init__((", ".join(names[:_SHOWN]) or "none") + more)
        self.parts = parts


def _find(message: Any, name: str) -> Any:
    """The field of a name, or of a name in JSON; None if there is none."""
    found = message.fields_by_name.get(name)
    return found or next((f for f in message.fields if f.json_name == name), None)


def _is_map(field: Any) -> bool:
    return bool(
        field.is_repeated and field.type == MESSAGE and field.message_type.GetOptions().map_entry
    )

"""The messages that are read: of each type, only the fields that are asked for.

See `protobuf_plan.py` for why. Their names and numbers are those of `name_of`; they are written as
proto2, in which each field says whether it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from monitor.codecs.protobuf_steps import (
    BYTES,
    ENUM,
    GROUP,
    MESSAGE,
    NUMBERS,
    STRING,
    Entries,
    Node,
    Step,
    name_of,
)
from monitor.errors import DecodeError

SPARE_BYTES: Final = 2**23
"""Memory that empty messages may take."""


def class_of(root: Node) -> Any:
    """The class of the messages that hold what is read."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="plan.proto", syntax="proto2")
    _Writer(file).message(root)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("M0"))


class _Writer:
    """Writes the messages of a plan."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._count = 0

    def message(self, node: Node) -> str:
        """Writes one and all within; returns its name."""
        name = f"M{self._count}"
        self._count += 1
        made = self._file.message_type.add(name=name)
        oneofs: dict[str, int] = {}
        written: set[int] = set()
        for step in node.steps.values():
            if step.source.number in written:
                raise ValueError(f"two features are {step.source.full_name}, by different names")
            written.add(step.source.number)
            self._field(made, step, oneofs)
        for oneof in [o for o in node.source.oneofs if o.name in oneofs]:
            for field in oneof.fields:
                if field.number not in written and field.type != GROUP:
                    _add(made, field, BYTES if field.type == MESSAGE else _kind(field), "",
                         oneofs[oneof.name])  # fmt: skip
        return name

    def _field(self, made: Any, step: Step, oneofs: dict[str, int]) -> None:
        source, inner = step.source, ""
        if isinstance(step, Entries):
            self._map(made, step)
            return
        if step.child is not None:
            inner = f".{self.message(step.child)}"
        oneof = source.containing_oneof
        index = None
        if is_choice(source):
            if oneof.name not in oneofs:
                oneofs[oneof.name] = len(oneofs)
                made.oneof_decl.add(name=f"o{oneofs[oneof.name]}")
            index = oneofs[oneof.name]
        _add(made, source, _kind(source), inner, index)

    def _map(self, made: Any, step: Entries) -> None:
        name = f"F{step.source.number}Entry"
        entry = made.nested_type.add(name=name)
        entry.options.map_entry = True
        key = step.source.message_type.fields_by_name["key"]
        entry.field.add(name="key", number=1, label=1, type=key.type)
        value = entry.field.add(name="value", number=2, label=1, type=_kind(step.value))
        if step.child is not None:
            value.type_name = f".{self.message(step.child)}"
        made.field.add(
            name=step.name, number=step.source.number, label=3, type=MESSAGE,
            type_name=f".{made.name}.{name}",
        )  # fmt: skip


def _add(made: Any, source: Any, kind: int, inner: str, oneof: int | None) -> None:
    field = made.field.add(
        name=name_of(source.number),
        number=source.number,
        label=3 if source.is_repeated else 1,
        type=kind,
    )
    if source.is_repeated and kind in NUMBERS:
        field.options.packed = True
    if inner:
        field.type_name = inner
    if oneof is not None:
        field.oneof_index = oneof


def _kind(source: Any) -> int:
    return {STRING: BYTES, ENUM: 5}.get(source.type, int(source.type))


def is_choice(source: Any) -> bool:
    """Whether a field is one of a oneof: with another of them, it is gone."""
    oneof = source.containing_oneof
    return oneof is not None and len(oneof.fields) > 1


class Cost(NamedTuple):
    """A message of which a payload may hold many, or one again and again.

    begins: first bytes of its tag, which may be written longer than it need be. size: in memory.
    """

    begins: tuple[bytes, ...]
    size: int


def costs(node: Node, many: bool = False) -> Iterator[Cost]:
    """Of the messages within. many: there may be many of this one."""
    for step in node.steps.values():
        if step.child is None:
            continue
        several = many or step.source.is_repeated or is_choice(step.source)
        if several:
            tag = step.source.number << 3 | (3 if step.source.type == GROUP else 2)
            begins = [bytes([tag & 127 | 128]), *([bytes([tag])] if tag < 128 else [])]
            yield Cost(tuple(begins), 64 + 16 * (len(step.child.steps) + _others(step.child)))
        yield from costs(step.child, several)


def check_cost(value: bytes, costs: Sequence[Cost]) -> None:
    """Raise DecodeError, oversized, if the messages may take more than the spare memory.

    Of two bytes each there would be len(value) / 2. In larger payloads, there are no more than
    bytes with which their tags begin.
    """
    if not costs or len(value) * max(cost.size for cost in costs) <= 2 * SPARE_BYTES:
        return
    memory = sum(cost.size * sum(map(value.count, cost.begins)) for cost in costs)
    if memory > SPARE_BYTES:
        raise DecodeError(
            "oversized",
            f"{len(value)} bytes, with messages that may take {memory} in memory: more than"
            f" {SPARE_BYTES}",
        )


def _others(node: Node) -> int:
    """Fields that are there because a oneof has them."""
    choices = {
        s.source.containing_oneof.name: s for s in node.steps.values() if is_choice(s.source)
    }
    return sum(len(step.source.containing_oneof.fields) for step in choices.values())

"""A library that lacks a part, or has another in its place: what our checks must notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import kafka
import pytest

GONE = object()


def change(monkeypatch: pytest.MonkeyPatch, part: str, value: object = GONE) -> None:
    """Have kafka-python without a part, or with a value in its place. part: as in PARTS."""
    root, _, names = part.partition(":")
    steps = names.split(".")
    if root == "consumer":
        _change_consumers(monkeypatch, steps, value)
    elif root == "network":
        _change_class(monkeypatch, "kafka.net.manager:KafkaConnectionManager", steps[-1], value)
    elif "()" in steps[0]:
        _change_instances(monkeypatch, f"{root}:{steps[0].removesuffix('()')}", steps[-1])
    else:
        _change_class(monkeypatch, f"{root}:{'.'.join(steps[:-1])}", steps[-1], value)


def _change_class(monkeypatch: pytest.MonkeyPatch, owner: str, name: str, value: object) -> None:
    if value is GONE:
        monkeypatch.delattr(_found(owner), name)
    else:
        monkeypatch.setattr(_found(owner), name, value)


def _change_instances(monkeypatch: pytest.MonkeyPatch, owner: str, name: str) -> None:
    """Take a name away from each new object of a class."""
    begin = _found(owner).__init__

    def changed(self: Any, *arguments: Any, **settings: Any) -> None:
        begin(self, *arguments, **settings)
        delattr(self, name)

    monkeypatch.setattr(_found(owner), "__init__", changed)


def _change_consumers(monkeypatch: pytest.MonkeyPatch, steps: Sequence[str], value: object) -> None:
    make = kafka.KafkaConsumer
    monkeypatch.setattr(kafka, "KafkaConsumer", lambda **o: _changed(make(**o), steps, value))


def _changed(real: Any, steps: Sequence[str], value: object) -> Any:
    """The same, seen through something that changes what lies at the end of the steps."""
    if not isinstance(real, Mapping):
        return Changed(real, steps, value)
    copy = dict(real)
    if steps[1:]:
        copy[steps[0]] = _changed(real[steps[0]], steps[1:], value)
    elif value is GONE:
        del copy[steps[0]]
    else:
        copy[steps[0]] = value
    return copy


class Changed:
    """An object, but for what lies at the end of the steps."""

    def __init__(self, real: Any, steps: Sequence[str], value: object) -> None:
        self._real, self._steps, self._value = real, steps, value

    def __getattr__(self, name: str) -> Any:
        if name != self._steps[0].removesuffix("()"):
            return getattr(self._real, name)
        rest = self._steps[1:]
        if not rest and self._value is GONE:
            raise AttributeError(f"there is no {name}")
        if not rest:
            return self._value
        found = getattr(self._real, name)
        if name != self._steps[0]:
            return lambda: _changed(found(), rest, self._value)
        return _changed(found, rest, self._value)


def _found(owner: str) -> Any:
    module, _, names = owner.partition(":")
    found: Any = import_module(module)
    for name in filter(None, names.split(".")):
        found = getattr(found, name)
    return found

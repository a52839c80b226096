"""Protobuf, as Schema Registry frames it, or plain, by a compiled descriptor set.

A plain payload never begins with 0x00, since no field has the number 0: so both are told apart.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs import protobuf_files
from monitor.codecs.by_name import ByName, extra_remark
from monitor.codecs.framing import unframed
from monitor.codecs.many import CannotEncodeError
from monitor.codecs.protobuf_classes import check_cost
from monitor.codecs.protobuf_plan import Plan
from monitor.codecs.protobuf_wire import message_indexes
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_SCHEMAS: Final = 256
"""Messages of schemas kept parsed; of more, the one used longest ago is forgotten."""
_Key = tuple[int, tuple[int, ...]]


class ProtobufCodec:
    """One row a payload: a message by the names of the features, or with a list of numbers.

    Raises ValueError for a descriptor that is not read, or if protobuf is not there.
    """

    def __init__(self, settings: CodecSettings) -> None:
        try:
            import google.protobuf  # noqa: F401
        except ImportError:
            raise ValueError(
                "protobuf needs protobuf: pip install 'aead-monitor[protobuf]'"
            ) from None
        self._settings = settings
        self._shape = settings.record_shape
        self._named = ByName(settings) if settings.features.names else None
        self._schemas = settings.schemas
        self._plans: OrderedDict[_Key, Plan | str] = OrderedDict()
        self._lock = threading.Lock()
        self._own: Plan | None = None
        if settings.schemas is None:
            data, name = settings.descriptor, settings.message
            if data is None:
                data, name = protobuf_files.of_settings(settings)
            if name is None:
                raise ValueError("a descriptor set holds many messages: name one (codec.message)")
            message = protobuf_files.message_of(protobuf_files.of_set(data), name)
            self._own = self._planned(message)

    def _planned(self, message: Any) -> Plan:
        plan = Plan(message, self._settings)
        if plan.extra and not self._settings.refuse_extra:
            self._settings.say(extra_remark(plan.extra))
        return plan

    def decode(self, value: bytes) -> NDArray[Any]:
        """A row as float64."""
        plan, value = self._plan(value)
        check_cost(value, plan.costs)
        message = plan.build()
        try:
            _parse(message, value)
            return self._numbers(message, plan) if self._named is None else (
                self._by_name(self._named, message, plan, value)
            )  # fmt: skip
        except UnicodeDecodeError as error:
            raise DecodeError("undecodable", f"a text is not UTF-8: {error.reason}") from None

    def _plan(self, value: bytes) -> tuple[Plan, bytes]:
        """How a payload is read, and its message."""
        if self._own is None:
            schema_id, rest = unframed(value)
            indexes, rest = message_indexes(rest)
            return self._registered((schema_id, indexes)), rest
        if value[:1] != b"\0":
            return self._own, value
        indexes, rest = message_indexes(unframed(value)[1])
        expected = protobuf_files.indexes_of(self._own.source)
        if indexes != expected:
            text = f"message {list(indexes)} of its file, not {list(expected)}"
            raise DecodeError("undecodable", f"{text}: codec.message is {self._settings.message}")
        return self._own, rest

    def _registered(self, key: _Key) -> Plan:
        with self._lock:
            found = self._plans.get(key)
            if found is None:
                found = self._plans[key] = self._looked_up(*key)
                if len(self._plans) > MAX_SCHEMAS:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(key)
        if isinstance(found, str):
            raise DecodeError("undecodable", found)
        return found

    def _looked_up(self, schema_id: int, indexes: Sequence[int]) -> Plan | str:
        """How a message of a schema is read, or why it is not."""
        assert self._schemas is not None  # noqa: S101
        schema = self._schemas.get(schema_id)
        if schema.kind != "PROTOBUF":
            return f"schema {schema_id} is not Protobuf, but {schema.kind:.20}"
        try:
            pool, file = protobuf_files.of_registry(schema.text, schema.references)
            message = protobuf_files.message_at(pool, file, indexes)
            wanted = self._settings.message
            if wanted is not None and message.full_name != wanted.lstrip("."):
                return f"message {message.full_name:.100}, but codec.message is {wanted:.100}"
            return self._planned(message)
        except ValueError as error:
            return f"schema {schema_id}: {error}"[:300]

    def _by_name(self, named: ByName, message: Any, plan: Plan, value: bytes) -> NDArray[Any]:
        if named.refuses_extra:
            extra = plan.extra_of(message, value)
            if extra:
                text = f"the model has no feature {extra!a:.80} (codec.extra: refuse)"
                raise DecodeError("wrong_shape", text)
        return named.rows([self._find(plan.root.read(message), plan)])

    def _find(self, document: Any, plan: Plan) -> Any:
        for part in plan.path:
            if part not in document:
                raise DecodeError("undecodable", f"no field {'.'.join(plan.path)!r}")
            document = document[part]
        return document

    def _numbers(self, message: Any, plan: Plan) -> NDArray[Any]:
        """The row of a list of as many numbers as the model takes."""
        found = self._find(plan.root.read(message), plan)
        if not found:
            raise DecodeError("empty", "a list without numbers")
        size = int(np.prod(self._shape))
        if len(found) != size:
            there = "more" if len(found) > size else len(found)
            raise DecodeError("wrong_shape", f"{size} numbers expected, got {there}")
        return np.array(found, dtype=np.float64).reshape(1, *self._shape)

    def encode(self, row: NDArray[Any]) -> bytes:
        """A row by the message of the descriptor, or that which the model asks for; unframed."""
        if self._own is None:
            raise CannotEncodeError("which schema a producer uses is not known")
        message, root = self._own.build(), self._own.root
        if self._named is not None:
            for name, value in self._named.document(row).items():
                if value is not None:
                    root.put(message, ".".join([*self._own.path, name]), value)
        elif row.dtype.kind == "f" and not np.isfinite(row).all():
            raise ValueError("numbers must be finite")
        else:
            root.put(message, ".".join(self._own.path), row.ravel().tolist())
        encoded: bytes = message.SerializeToString()
        if not encoded:
            raise CannotEncodeError("a message without values has no bytes")
        return encoded


def _parse(message: Any, value: bytes) -> None:
    from google.protobuf.message import DecodeError as ProtobufError

    try:
        message.ParseFromString(value)
    except ProtobufError as error:
        text = str(error).rpartition(": ")[2]
        raise DecodeError("undecodable", f"not Protobuf of this message: {text}"[:300]) from None

"""Avro, as Schema Registry frames it, or without framing by the schema of a file."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitor.codecs import avro_schema
from monitor.codecs.avro_schema import Parsed
from monitor.codecs.by_name import ByName
from monitor.codecs.framing import unframed
from monitor.codecs.many import CannotEncodeError
from monitor.codecs.rows import check_kinds, kind
from monitor.codecs.settings import CodecSettings
from monitor.errors import DecodeError

MAX_SCHEMAS: Final = 256
"""Schemas kept parsed; of more, the one that was used longest ago is forgotten."""


class AvroCodec:
    """One row a payload: a record by the names of the features, or a list of numbers.

    Raises ValueError for a schema that is not read, or if fastavro is not there.
    """

    def __init__(self, settings: CodecSettings) -> None:
        try:
            import fastavro  # noqa: F401
        except ImportError:
            raise ValueError("avro needs fastavro: pip install 'aead-monitor[avro]'") from None
        self._shape = settings.record_shape
        self._path = settings.field.split(".") if settings.field else []
        self._named = ByName(settings) if settings.features.names else None
        self._schemas = settings.schemas
        text = settings.schema_text or avro_schema.of_settings(settings)
        self._own = Parsed(text)
        self._parsed: OrderedDict[int, Parsed | str] = OrderedDict()
        self._lock = threading.Lock()

    def decode(self, value: bytes) -> NDArray[Any]:
        """A row as float64."""
        schema = self._own
        if self._schemas is not None:
            schema_id, value = unframed(value)
            schema = self._registered(schema_id)
        found = self._find(_read(value, schema))
        if self._named is not None:
            if not isinstance(found, dict):
                raise DecodeError("undecodable", f"a record expected, got {kind(found)}")
            return self._named.rows([found])
        return self._numbers(found)

    def _registered(self, schema_id: int) -> Parsed:
        with self._lock:
            found = self._parsed.get(schema_id)
            if found is None:
                found = self._parsed[schema_id] = self._looked_up(schema_id)
                if len(self._parsed) > MAX_SCHEMAS:
                    self._parsed.popitem(last=False)
            self._parsed.move_to_end(schema_id)
        if isinstance(found, str):
            raise DecodeError("undecodable", found)
        return found

    def _looked_up(self, schema_id: int) -> Parsed | str:
        """A schema that can be read, or why not."""
        assert self._schemas is not None  # noqa: S101
        schema = self._schemas.get(schema_id)
        if schema.kind != "AVRO":
            return f"schema {schema_id} is not Avro, but {schema.kind:.20}"
        try:
            return Parsed(schema.text, schema.references)
        except ValueError as error:
            return f"schema {schema_id}: {error}"[:300]

    def _find(self, document: Any) -> Any:
        for name in self._path:
            if not isinstance(document, Mapping) or name not in document:
                raise DecodeError("undecodable", f"no field {'.'.join(self._path)!r}")
            document = document[name]
        return document

    def _numbers(self, found: Any) -> NDArray[Any]:
        """The row of a list of as many numbers as the model takes."""
        if not isinstance(found, list):
            raise DecodeError(
                "undecodable",
                f"a list expected, got {kind(found)}: set codec.field to the list's path",
            )
        if not found:
            raise DecodeError("empty", "a list without numbers")
        size = int(np.prod(self._shape))
        if len(found) != size:
            raise DecodeError("wrong_shape", f"{size} numbers expected, got {len(found)}")
        check_kinds(found, {int, float})
        return np.array(found, dtype=np.float64).reshape(1, *self._shape)

    def encode(self, row: NDArray[Any]) -> bytes:
        """A row by the schema of the file, or by the one that the model asks for; never framed."""
        import fastavro

        if self._schemas is not None:
            raise CannotEncodeError("which schema a producer uses is not known")
        if self._named is not None:
            document: Any = self._named.document(row)
        elif row.dtype.kind == "f" and not np.isfinite(row).all():
            raise ValueError("numbers must be finite")
        else:
            document = row.ravel().tolist()
        for name in reversed(self._path):
            document = {name: document}
        stream = io.BytesIO()
        try:
            fastavro.schemaless_writer(stream, self._own.schema, document)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CannotEncodeError(f"the schema carries no row of the model: {error}") from None
        return stream.getvalue()


def _read(value: bytes, schema: Parsed) -> Any:
    """What a payload holds."""
    import fastavro

    if len(value) > schema.most_bytes:
        text = (
            f"{len(value)} bytes of a schema with lists of records, more than {schema.most_bytes}"
        )
        raise DecodeError("oversized", text)
    stream = io.BytesIO(value)
    try:
        found = fastavro.schemaless_reader(stream, schema.schema, None)
    except EOFError:
        raise DecodeError("undecodable", "not Avro of this schema: it ends too soon") from None
    except Exception as error:  # noqa: BLE001  # fastavro raises whatever its parts raise
        raise DecodeError("undecodable", f"not Avro of this schema: {error!r}"[:300]) from None
    rest = len(value) - stream.tell()
    if rest:
        raise DecodeError("undecodable", f"{rest} bytes after the end of the record")
    return found

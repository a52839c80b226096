"""Schemas from a Schema Registry, kept by id: what an id means never changes.

A registry that does not answer is no fault of a record. The lookup then raises, at once for a
while, and whoever decodes waits with the batch: nothing is lost, and nothing stands still for
longer than one lookup takes.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import urllib3

from models.files import read_bounded
from monitor.codecs.schemas import SchemaText
from monitor.errors import DecodeError, SchemaUnavailableError
from monitor.process import background
from monitor.version import __version__

LARGEST_BYTES: Final = 2**20
"""Of an answer."""
MOST_SCHEMAS: Final = 1024
"""Schemas, and ids without one, that are kept; those used longest ago are forgotten."""
MOST_REFERENCES: Final = 64
FORGET_SECONDS: Final = 60.0
"""An id that the registry did not know is asked for again after so long."""
LONGEST_PAUSE_SECONDS: Final = 15.0
_SECRET_BYTES: Final = 2**16
_SERIALIZED: Final = "?format=serialized"
"""Asks for a schema of Protobuf as compiled, instead of its text."""
_REFUSED: Final = frozenset({400, 406, 415, 422})


@dataclass(frozen=True, slots=True)
class Access:
    """Where a registry is, and how it is reached. Secrets are files, read when they are needed.

    timeout_seconds: for all of a lookup.
    """

    url: str
    user_file: Path | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_seconds: float = 3.0


class _NoSchemaError(Exception):
    """The registry has none under this id."""


class _RefusedError(ValueError):
    """The registry does not understand the question."""


class SchemaRegistry:
    """Looks up schemas, from any thread. clock: seconds, for pauses."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._clock = clock
        self._kept: OrderedDict[int, tuple[SchemaText | None, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._pause, self._until, self._failure = 0.0, float("-inf"), ""

    def get(self, schema_id: int) -> SchemaText:
        """The schema of an id.

        Raises DecodeError, undecodable, if the registry has none; SchemaUnavailableError if it
        does not answer, or did not a moment ago.
        """
        with self._lock:
            schema, until = self._kept.get(schema_id, (None, float("-inf")))
            if schema is None and self._clock() >= until:
                schema, until = self._looked_up(schema_id)
                self._kept[schema_id] = (schema, until)
                if len(self._kept) > MOST_SCHEMAS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(schema_id)
        if schema is None:
            raise DecodeError("undecodable", f"the schema registry has no schema {schema_id}")
        return schema

    def _looked_up(self, schema_id: int) -> tuple[SchemaText | None, float]:
        """The schema, or until when there is none."""
        if self._clock() < self._until:
            raise SchemaUnavailableError(self._failure)
        future = background.start(lambda: self._fetch(schema_id), "schema-lookup")
        try:
            if not wait([future], self._access.timeout_seconds).done:
                raise TimeoutError(f"no answer in {self._access.timeout_seconds:g} seconds")
            found = future.result()
        except _NoSchemaError:
            return None, self._clock() + FORGET_SECONDS
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            self._failed(schema_id, error)
        self._pause = 0.0
        return found, float("inf")

    def _failed(self, schema_id: int, error: Exception) -> None:
        self._pause = min(LONGEST_PAUSE_SECONDS, 2 * self._pause or 1.0)
        self._until = self._clock() + self._pause
        self._failure = (
            f"codec.registry.url {self._access.url}: schema {schema_id} cannot be looked up:"
            f" {type(error).__name__}: {error}"[:300]
        )
        raise SchemaUnavailableError(self._failure) from None

    def _fetch(self, schema_id: int) -> SchemaText:
        with urllib3.PoolManager(
            num_pools=1, retries=False, headers=self._headers(), ca_certs=self._ca_file()
        ) as pool:
            path = f"/schemas/ids/{schema_id}"
            found = self._asked(pool, path)
            kind, query = found.get("schemaType", "AVRO"), ""
            if kind == "PROTOBUF":
                query = _SERIALIZED
                found = {**found, **self._serialized(pool, path)}
            references: dict[str, str] = {}
            self._add_references(pool, found, references, query)
        return SchemaText(_text(kind), _text(found.get("schema")), references)

    def _serialized(self, pool: urllib3.PoolManager, path: str) -> Mapping[str, Any]:
        """A schema as compiled, or nothing of a registry that does not compile."""
        try:
            return self._asked(pool, path + _SERIALIZED)
        except (_RefusedError, _NoSchemaError):
            return {}

    def _add_references(
        self,
        pool: urllib3.PoolManager,
        found: Mapping[str, Any],
        known: dict[str, str],
        query: str,
    ) -> None:
        """Those of a schema, each after those that it refers to itself."""
        for reference in found.get("references") or ():
            name, subject = _text(reference["name"]), quote(_text(reference["subject"]), safe="")
            if name in known:
                continue
            if len(known) >= MOST_REFERENCES:
                raise ValueError(f"more than {MOST_REFERENCES} references")
            known[name] = ""  # a circle ends here; it gets its place below
            path = f"/subjects/{subject}/versions/{int(reference['version'])}{query}"
            other = self._asked(pool, path)
            self._add_references(pool, other, known, query)
            del known[name]
            known[name] = _text(other.get("schema"))

    def _asked(self, pool: urllib3.PoolManager, path: str) -> Mapping[str, Any]:
        """The object that the registry answers with."""
        answer = pool.request(
            "GET",
            self._access.url.rstrip("/") + path,
            preload_content=False,
            redirect=False,
            timeout=self._access.timeout_seconds,
        )
        try:
            body = answer.read(LARGEST_BYTES + 1)
        finally:
            answer.close()
        if answer.status == 404 and _is_missing(body):
            raise _NoSchemaError
        if answer.status in _REFUSED:
            raise _RefusedError(f"status {answer.status}")
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        if len(body) > LARGEST_BYTES:
            raise ValueError(f"more than {LARGEST_BYTES} bytes")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found

    def _headers(self) -> dict[str, str]:
        accepted = "application/vnd.schemaregistry.v1+json, application/json"
        headers = {"Accept": accepted, "User-Agent": f"aead-monitor/{__version__}"}
        if self._access.user_file is not None and self._access.password_file is not None:
            user, password = map(_secret, (self._access.user_file, self._access.password_file))
            headers |= urllib3.make_headers(basic_auth=f"{user}:{password}")
        return headers

    def _ca_file(self) -> str | None:
        return None if self._access.ca_file is None else str(self._access.ca_file)


def _is_missing(body: bytes) -> bool:
    """Whether a registry says so, and not a server that is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("error_code") in (40401, 40402, 40403, 404)


def _secret(path: Path) -> str:
    data = read_bounded(path, _SECRET_BYTES)
    if data is None:
        raise ValueError(f"{path} is larger than 64 KiB")
    return data.decode("utf-8", "strict").rstrip("\r\n")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("the registry's answer is not that of a schema")
    return value

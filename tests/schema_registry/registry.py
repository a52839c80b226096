"""A real Schema Registry for the tests: Apicurio Registry, its storage in memory.

It serves the interface of Confluent's, of which the daemon uses the lookups.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from tests.kafka.broker import JVM
from tests.kafka.process import ServerProcess, free_ports

APP = Path(__file__).parents[2] / ".tools" / "schema-registry" / "app"
HOST = "127.0.0.1"
START_SECONDS = 60.0
REQUEST_SECONDS = 30.0
HEAP = "400m"


class Registry:
    """A registry on a free port of 127.0.0.1, with its log in `folder`. It forgets all when it
    stops."""

    def __init__(self, folder: Path) -> None:
        (self._port,) = free_ports(1)
        command = [
            *_java(), f"-Dquarkus.http.host={HOST}", f"-Dquarkus.http.port={self._port}",
            "-Dquarkus.log.level=WARN", "-jar", str(_jar()),
        ]  # fmt: skip
        self._process = ServerProcess(command, folder / "registry.log")
        self._pool = urllib3.PoolManager(retries=False, timeout=REQUEST_SECONDS)

    @property
    def url(self) -> str:
        """For `codec.registry.url`."""
        return f"http://{HOST}:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Returns when it answers. Raises with the end of the log if that fails."""
        self._process.start()
        self._process.wait_until_ready(self._answers, START_SECONDS)

    def stop(self) -> None:
        """Shut down in good order."""
        self._pool.clear()
        self._process.stop()

    def register(
        self, subject: str, schema: str, kind: str = "AVRO", references: Sequence[Any] = ()
    ) -> int:
        """Add a version to a subject; returns the schema's id."""
        answer = self._pool.request(
            "POST",
            f"{self.url}/subjects/{quote(subject, safe='')}/versions",
            json={"schema": schema, "schemaType": kind, "references": list(references)},
        )
        if answer.status != 200:
            raise RuntimeError(f"{subject}: status {answer.status}: {answer.data[:500]!r}")
        return int(json.loads(answer.data)["id"])

    def _answers(self) -> bool:
        try:
            return self._pool.request("GET", f"{self.url}/subjects").status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _java() -> list[str]:
    if shutil.which("java") is None:
        raise RuntimeError("java is not there. Install Java 17 or later, then: make setup-test")
    return ["java", f"-Xmx{HEAP}", *(option for option in JVM if "slf4j" not in option)]


def _jar() -> Path:
    found = sorted(APP.glob("*-runner.jar"))
    if not found:
        raise RuntimeError(f"no Schema Registry is there ({APP}). Install it: make setup-test")
    return found[-1]

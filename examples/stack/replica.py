"""One daemon of the group, which can be killed and started again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.kafka.process import ProductProcess

READY_SECONDS = 120.0
REQUEST_SECONDS = 5.0


class Replica:
    """`aead-monitor run` with these settings, its files in `folder`, its pages on `port`.

    environment: variables of its process, beside ours.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        port: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.config = folder / "aead-monitor.yaml"
        http = {**settings.get("http", {}), "port": port}
        values = {**settings, "http": http, "log": {"format": "console"}}
        self.config.write_text(yaml.safe_dump(values, sort_keys=False))
        self.log = folder / "daemon.log"
        command = ["run", "--config", str(self.config)]
        self._process = ProductProcess(command, self.log, environment or {})

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def launch(self) -> None:
        """Start, or start again after a crash, and return at once."""
        self._process.start()

    def wait_until_ready(self) -> None:
        """Until it reads partitions."""
        self._process.wait_until_ready(self._ready, READY_SECONDS)

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()

    def stop(self) -> None:
        """Stop in good order."""
        self._process.stop()

    def status(self) -> dict[str, Any]:
        """What /api/status says."""
        return dict(json.loads(self._get("/api/status")))

    def _ready(self) -> bool:
        try:
            self._get("/-/ready")
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False
        return True

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=REQUEST_SECONDS) as answer:
            return bytes(answer.read())

"""A real Alertmanager, asked through its API."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.kafka.process import ServerProcess

START_SECONDS = 60.0
REQUEST_SECONDS = 5.0
NAMES = ("prometheus-alertmanager", "alertmanager")
"""What Debian and the project call the program."""


class Alertmanager:
    """A server on `port` of 127.0.0.1, with configuration, data and log in `folder`."""

    def __init__(self, folder: Path, config: str, port: int) -> None:
        binary = next(filter(None, map(shutil.which, NAMES)), None)
        if binary is None:
            raise RuntimeError("alertmanager is not installed. Install it with: make setup-test")
        self.url = f"http://127.0.0.1:{port}"
        file = folder / "alertmanager.yml"
        file.write_text(config)
        command = [
            binary,
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            # It has no peers, and must not look for any.
            "--cluster.listen-address=",
            "--log.level=warn",
        ]
        self._process = ServerProcess(command, folder / "alertmanager.log")

    def start(self) -> None:
        """Start; returns when it takes alerts."""
        self._process.start()
        self._process.wait_until_ready(self._ready, START_SECONDS)

    def stop(self) -> None:
        """Stop in good order."""
        self._process.stop()

    def alerts(self, name: str = "") -> list[dict[str, Any]]:
        """The alerts that fire, of this name if there is one, silenced and inhibited ones too."""
        matcher = f"?filter=alertname%3D%22{name}%22" if name else ""
        return list(json.loads(self.call(f"/api/v2/alerts{matcher}")))

    def call(self, path: str, body: bytes | None = None) -> bytes:
        """What it answers; with a body, to a POST of JSON."""
        request = urllib.request.Request(
            self.url + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
            return bytes(answer.read())

    def _ready(self) -> bool:
        try:
            self.call("/-/ready")
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False
        return True

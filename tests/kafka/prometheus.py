"""A real Prometheus server."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.kafka.process import ServerProcess, free_ports, wait_until

START_SECONDS = 30.0
REQUEST_SECONDS = 5.0

Series = tuple[dict[str, str], float]
"""Labels and value."""

CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: aead-monitor
    static_configs:
      - targets: ["{target}"]
"""


def one_target(target: str) -> str:
    """A configuration that scrapes HOST:PORT every second."""
    return CONFIG.format(target=target)


class Prometheus:
    """A server on 127.0.0.1, with configuration, data and log in `folder`; port 0: a free one."""

    def __init__(self, folder: Path, config: str, port: int = 0) -> None:
        binary = shutil.which("prometheus")
        if binary is None:
            raise RuntimeError("prometheus is not installed. Install it with: make setup-test")
        port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        file = folder / "prometheus.yml"
        file.write_text(config)
        command = [
            binary,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        self._process = ServerProcess(command, folder / "prometheus.log")

    def start(self) -> None:
        """Start; returns when queries are answered."""
        self._process.start()
        self._process.wait_until_ready(self._ready, START_SECONDS)

    def stop(self) -> None:
        """Stop in good order."""
        self._process.stop()

    def query(self, expression: str) -> list[Series]:
        """Labels and value of every series that an expression gives now."""
        answer = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        result: list[dict[str, Any]] = json.loads(answer)["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def wait_for(self, expression: str, seconds: float = 30.0) -> list[Series]:
        """Query until there is a series, for instance for `up == 1`."""
        wait_until(
            lambda: bool(self.query(expression)),
            seconds,
            lambda: f"prometheus has no series for {expression} after {seconds:g} s",
        )
        return self.query(expression)

    def _ready(self) -> bool:
        try:
            self._get("/-/ready")
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False
        return True

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=REQUEST_SECONDS) as answer:
            return bytes(answer.read())

"""A real Alertmanager with our configuration, on 127.0.0.1 and with nobody to tell."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.kafka.process import ServerProcess, free_ports, wait_until

START_SECONDS = 30.0
REQUEST_SECONDS = 5.0

Labels = dict[str, str]


class Alertmanager:
    """Takes alerts as Prometheus sends them. config: used as it is, but for the addresses."""

    def __init__(self, folder: Path, config: Path) -> None:
        binary = shutil.which("prometheus-alertmanager")
        if binary is None:
            raise RuntimeError("Alertmanager is not installed. Install it with: make setup-test")
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        mine = folder / "alertmanager.yml"
        nobody = "127.0.0.1:1"
        mine.write_text(
            config.read_text()
            .replace("pager.example.com", nobody)
            .replace("tickets.example.com", nobody)
            .replace("retraining.example.com", nobody)
        )
        command = [
            binary,
            f"--config.file={mine}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        self._pairs = 0
        self._process = ServerProcess(command, folder / "alertmanager.log")

    def start(self) -> None:
        """Start; returns when it answers."""
        self._process.start()
        self._process.wait_until_ready(self._ready, START_SECONDS)

    def stop(self) -> None:
        """Stop in good order."""
        self._process.stop()

    def held_back(self, alerts: Iterable[Labels]) -> list[str]:
        """Send all these alerts; the names of those that others keep quiet, sorted."""
        sent = list(alerts)
        self._send(sent)
        self._wait_until_taken_into_account()
        streams = {labels["model"] for labels in sent}
        ours = [item for item in self._alerts() if item["labels"].get("model", "") in streams]
        assert len(ours) == len(sent)
        held = [item for item in ours if item["status"]["inhibitedBy"]]
        return sorted(item["labels"]["alertname"].removeprefix("AeadMonitor") for item in held)

    def _wait_until_taken_into_account(self) -> None:
        """Alerts are looked at in order: once a later pair has its effect, all before have it."""
        self._pairs += 1
        stream = {"job": "aead-monitor", "model": f"pair {self._pairs}"}
        source, target = "AeadMonitorTargetDown", "AeadMonitorDriftFiring"
        self._send([{"alertname": name, **stream} for name in (source, target)])
        wait_until(
            lambda: any(
                item["status"]["inhibitedBy"]
                for item in self._alerts()
                if item["labels"] == {"alertname": target, **stream}
            ),
            START_SECONDS,
            lambda: f"no alert was ever held back: {self._alerts()}",
        )

    def _send(self, alerts: Iterable[Labels]) -> None:
        body = json.dumps([{"labels": labels} for labels in alerts])
        self._call("/api/v2/alerts", body.encode())

    def _alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._call("/api/v2/alerts"))
        return found

    def _ready(self) -> bool:
        try:
            self._call("/-/ready")
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False
        return True

    def _call(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            self._url + path, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
            return bytes(answer.read())

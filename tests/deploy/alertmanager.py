"""A real Alertmanager with our configuration, on 127.0.0.1 and with nobody to tell."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from examples.stack.alertmanager import START_SECONDS, Alertmanager
from tests.kafka.process import free_ports, wait_until

Labels = dict[str, str]


class Inhibiting(Alertmanager):
    """Takes alerts as Prometheus sends them. config: used as it is, but for the addresses."""

    def __init__(self, folder: Path, config: Path) -> None:
        text, nobody = config.read_text(), "127.0.0.1:1"
        for receiver in ("pager", "tickets", "retraining"):
            text = text.replace(f"{receiver}.example.com", nobody)
        super().__init__(folder, text, free_ports(1)[0])
        self._pairs = 0

    def held_back(self, alerts: Iterable[Labels]) -> list[str]:
        """Send all these alerts; the names of those that others keep quiet, sorted."""
        sent = list(alerts)
        self._send(sent)
        self._wait_until_taken_into_account()
        streams = {labels["model"] for labels in sent}
        ours = [item for item in self.alerts() if item["labels"].get("model", "") in streams]
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
                for item in self.alerts()
                if item["labels"] == {"alertname": target, **stream}
            ),
            START_SECONDS,
            lambda: f"no alert was ever held back: {self.alerts()}",
        )

    def _send(self, alerts: Iterable[Labels]) -> None:
        body = json.dumps([{"labels": labels} for labels in alerts])
        self.call("/api/v2/alerts", body.encode())

"""The steps of the circle, each checked before the next begins."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from examples.closed_loop import digits
from examples.closed_loop.feed import Feed
from examples.closed_loop.receiver import HANG_SECONDS, Receiver
from examples.closed_loop.topics import create, events
from monitor.demo.daemon_process import DaemonProcess, Launch, launch_python

Say = Callable[[str], None]
REPLICAS = 2
PARTITIONS = 2
TEST_IMAGES = 60


@dataclass(frozen=True)
class Sizes:
    """How much of everything. rate: images a second. drift_rows: that a request waits for."""

    training: int = 12_000
    epochs: int = 30
    rate: float = 500.0
    normal: int = 6000
    drift_rows: int = 6000
    new_normal: int = 20_000
    wait_seconds: float = 600.0

    @classmethod
    def quick(cls) -> Sizes:
        """For a test."""
        return cls(training=6000, epochs=12, rate=300.0, normal=3000, drift_rows=2500,
                   new_normal=6000)  # fmt: skip


class Loop:
    """One run of the circle; everything it makes lies in `folder`."""

    def __init__(
        self,
        servers: str,
        topic: str,
        folder: Path,
        sizes: Sizes,
        launch: Launch = launch_python,
    ) -> None:
        self._launch = launch
        self._servers, self._topic, self._folder, self._sizes = servers, topic, folder, sizes
        self._requests = f"{topic}.requests"
        self._receiver = Receiver()
        self._feed = Feed(servers, topic, PARTITIONS, sizes.rate, digits.normal)
        self._daemons: list[DaemonProcess] = []

    def run(self, say: Say) -> dict[str, Any]:
        """Go round once. Returns what was found; raises if anything is not as it should be."""
        try:
            return self._run(say)
        finally:
            for daemon in self._daemons:
                daemon.stop()
            self._receiver.close()

    def _run(self, say: Say) -> dict[str, Any]:
        say("training on digits")
        first = self._train()
        create(self._servers, self._topic, PARTITIONS)
        create(self._servers, self._requests, 1)
        self._start_daemons()
        self._feed.start()
        self._until(lambda: self._feed.sent >= self._sizes.normal, "normal digits")
        self._expect(not self._alerts(), "no alert while the digits are normal")
        say(f"model {first}: {self._feed.sent:,} normal digits, no alert")
        changed_at = self._feed.change(digits.changed)
        say("the digits change for good: broader pen, 15 degrees, less contrast")
        self._until(lambda: self._alerts("firing"), "drift to be found")
        say(f"drift is found: {self._status()['drift']['explanation']}")
        request = self._one_request()
        answers = ", ".join(self._receiver.answers)
        say(f"one request, {request['id']}; the receiver answered: {answers}")
        candidate = self._retrain(request)
        say(f"candidate {candidate} passed its gates")
        self._models("promote", candidate, "--reason", f"request {request['id']}")
        self._until(lambda: self._versions() == {candidate}, "both daemons to follow")
        swapped_at = self._feed.sent
        say(f"both daemons score with {candidate}")
        self._until(self._resolved, "the alert to be resolved")
        say("the alert is resolved: model replaced")
        goal = swapped_at + self._sizes.new_normal
        self._until(lambda: self._feed.sent >= goal, "the new normal")
        caught = self._caught(self._feed.send(digits.torn, TEST_IMAGES), candidate)
        self._feed.close()
        self._until(self._all_read, "everything to be read")
        later = [a for a in self._alerts("firing") if a["model_version"] == candidate]
        self._expect(not later, "no alert on the new normal")
        say(
            f"{self._feed.sent - swapped_at:,} digits of the new kind, no alert; {caught} anomalies"
        )
        return self._summary(first, candidate, request, changed_at, swapped_at, caught)

    def _train(self) -> str:
        path = self._folder / "normal.npy"
        np.save(path, digits.normal(np.random.default_rng(1), self._sizes.training))
        made, epochs = str(self._folder / "first"), str(self._sizes.epochs)
        self._command("train", "--data", str(path), "--out", made, "--ordered", "--arch", "dense",
                      "--epochs", epochs)  # fmt: skip
        self._models("add", str(self._folder / "first"), "--promote", "--reason", "the first")
        return str(json.loads((self._folder / "first" / "bundle.json").read_text())["version"])

    def _settings(self, replica: int) -> dict[str, Any]:
        return {
            "registry": {"path": str(self._folder / "models")},
            "threads": 1,
            "kafka": {"bootstrap_servers": self._servers, "topic": self._topic,
                      "group": f"{self._topic}-monitor"},
            "codec": {"name": "raw"},
            "state": {"directory": str(self._folder / f"state-{replica}"), "snapshot_seconds": 1},
            "reload": {"poll_seconds": 1},
            "retraining": {
                "policy": "suggest",
                "model_name": "digits",
                "min_records": self._sizes.drift_rows // REPLICAS,
                "receivers": [
                    {"name": "topic", "kind": "kafka", "topic": self._requests},
                    {"name": "team", "kind": "http", "url": self._receiver.url,
                     "timeout_seconds": HANG_SECONDS / 2},
                ],
            },
        }  # fmt: skip

    def _start_daemons(self) -> None:
        for replica in range(REPLICAS):
            folder = self._folder / f"daemon-{replica}"
            folder.mkdir()
            self._daemons.append(
                DaemonProcess(folder, self._settings(replica), launch=self._launch)
            )
        self._until(
            lambda: all(d.status().get("ready") for d in self._daemons), "both daemons to be ready"
        )

    def _one_request(self) -> dict[str, Any]:
        """The request, after every replica that asks has been heard."""
        self._until(lambda: self._receiver.requests, "the receiver to get a request")
        self._until(lambda: events(self._servers, self._requests), "the topic to get it")
        told = {e["id"] for e in events(self._servers, self._requests)}
        self._expect(told == set(self._receiver.requests), f"one request everywhere, not {told}")
        self._expect(len(told) == 1, f"exactly one request, not {told}")
        return next(iter(self._receiver.requests.values()))

    def _retrain(self, request: dict[str, Any]) -> str:
        """A candidate from the request alone."""
        path = self._folder / "request.json"
        path.write_text(json.dumps(request, indent=2))
        config = self._folder / "daemon-0" / "aead-monitor.yaml"
        out = self._folder / "result"
        self._command("retrain", "--request", str(path), "--config", str(config), "--out", str(out))
        self._models("add", str(out / "bundle"), "--note", f"request {request['id']}")
        return str(json.loads((out / "bundle" / "bundle.json").read_text())["version"])

    def _caught(self, sent: set[str], version: str) -> int:
        """How many of these records were published as anomalies: nine of ten at least."""

        def found() -> int:
            published = events(self._servers, f"{self._topic}.anomalies")
            mine = {e["id"].rpartition("/")[0] for e in published if e["model_version"] == version}
            return len(mine & sent)

        self._until(lambda: found() >= 0.9 * len(sent), "the anomalies to be caught")
        return found()

    def _summary(
        self,
        first: str,
        candidate: str,
        request: dict[str, Any],
        changed_at: int,
        swapped_at: int,
        caught: int,
    ) -> dict[str, Any]:
        totals = self._totals()
        self._expect(totals["scored"] == self._feed.sent, f"all scored once, not {totals}")
        return {
            "first_model": first,
            "second_model": candidate,
            "request": request["id"],
            "receiver": self._receiver.answers,
            "records": self._feed.sent,
            "changed_at": changed_at,
            "swapped_at": swapped_at,
            **totals,
            "anomalies_sent": TEST_IMAGES,
            "anomalies_caught": caught,
            "false_alarms_on_the_new_normal": 0,
        }

    def _totals(self) -> dict[str, int]:
        """Records scored and dead-lettered, each offset once, by both daemons."""
        partitions = [p for d in self._daemons for p in d.status()["partitions"]]
        return {name: sum(p[name] for p in partitions) for name in ("scored", "dead_lettered")}

    def _all_read(self) -> bool:
        return sum(self._totals().values()) >= self._feed.sent

    def _versions(self) -> set[str]:
        return {d.status().get("model", {}).get("version", "") for d in self._daemons}

    def _status(self) -> dict[str, Any]:
        """Of a daemon that fires, if one does."""
        states = [d.status() for d in self._daemons]
        return next((s for s in states if s["drift"]["state"] == "firing"), states[0])

    def _alerts(self, event: str | None = None) -> list[dict[str, Any]]:
        found = events(self._servers, f"{self._topic}.alerts")
        return [alert for alert in found if event in (None, alert["event"])]

    def _resolved(self) -> bool:
        fired = {a["episode"] for a in self._alerts("firing")}
        return fired == {a["episode"] for a in self._alerts("resolved")}

    def _models(self, *arguments: str) -> None:
        self._command("models", *arguments, "--registry", str(self._folder / "models"))

    def _command(self, *arguments: str) -> None:
        """Run aead-monitor; its output goes to a file, and into the error if it fails."""
        log = self._folder / "commands.log"
        with log.open("a") as file:
            file.write(f"$ aead-monitor {' '.join(arguments)}\n")
        process = self._launch(arguments, log)
        try:
            code = process.wait(self._sizes.wait_seconds)
        finally:
            if process.poll() is None:  # Ctrl-C is for us, or it takes too long
                process.kill()
        self._expect(code == 0, f"{arguments[0]} ended with {code}:\n{log.read_text()}")

    def _until(self, ready: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + self._sizes.wait_seconds
        while not ready():
            if self._feed.failure is not None:
                raise self._feed.failure
            self._expect(time.monotonic() < deadline, f"waited in vain for {what}")
            time.sleep(0.5)

    @staticmethod
    def _expect(holds: bool, what: str) -> None:
        if not holds:
            raise AssertionError(what)

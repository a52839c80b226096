"""Who is told of which alert, and which alerts keep others quiet."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.alertmanager import Inhibiting, Labels
from tests.deploy.rules import ROOT, alerts

CONFIG = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"


def amtool(*arguments: str) -> str:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def told(name: str, severity: str) -> list[str]:
    """The receivers of an alert, in order."""
    labels = [f"alertname={name}", f"severity={severity}", "job=aead-monitor", "model=digits"]
    return amtool("config", "routes", "test", f"--config.file={CONFIG}", *labels).split(",")


def alert(name: str, **labels: str) -> Labels:
    return {"alertname": f"AeadMonitor{name}", "job": "aead-monitor", **labels}


def test_amtool_accepts_the_configuration() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "page"), ("warning", "ticket"), ("info", "ticket")]
)
def test_the_severity_decides_who_is_told(severity: str, receiver: str) -> None:
    assert told("AeadMonitorAnything", severity) == [receiver]


def test_what_retrains_hears_of_drift_and_people_do_all_the_same() -> None:
    assert told("AeadMonitorDriftFiring", "critical") == ["retraining", "page"]


@pytest.mark.parametrize("name", alerts())
def test_every_alert_of_the_rules_reaches_people(name: str) -> None:
    receivers = told(name, alerts()[name]["labels"]["severity"])
    assert set(receivers) & {"page", "ticket"}


def test_an_alert_of_somebody_else_without_a_severity_is_a_ticket() -> None:
    assert amtool("config", "routes", "test", f"--config.file={CONFIG}", "alertname=X") == "ticket"


def test_ends_are_told_and_no_secret_stands_in_the_file() -> None:
    receivers = yaml.safe_load(CONFIG.read_text())["receivers"]
    assert {receiver["name"] for receiver in receivers} == {"page", "ticket", "retraining"}
    for hook in (hook for receiver in receivers for hook in receiver["webhook_configs"]):
        assert hook["send_resolved"] is True
        assert hook["url"].startswith("https://")
        assert list(hook["http_config"]["authorization"]) == ["credentials_file"]


def test_only_alerts_that_exist_are_named() -> None:
    """`amtool config routes test` with a name that is wrong says nothing."""
    known = {name.removeprefix("AeadMonitor") for name in alerts()}
    for rule in yaml.safe_load(CONFIG.read_text())["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            inner = matcher.split("AeadMonitor", 1)[1].strip('"()')
            assert inner == ".+" or set(inner.split("|")) <= known


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhibiting]:
    server = Inhibiting(tmp_path_factory.mktemp("alertmanager"), CONFIG)
    server.start()
    yield server
    server.stop()


class TestInhibition:
    def test_a_replica_that_is_down_holds_the_drift_page_of_its_stream_back(
        self, server: Inhibiting
    ) -> None:
        assert server.held_back(
            [
                alert("TargetDown", model="m1", instance="a:9464"),
                alert("DriftFiring", model="m1"),
                alert("LagHigh", model="m1", instance="b:9464"),
                alert("NoInput", model="m1"),
            ]
        ) == ["DriftFiring", "LagHigh", "NoInput"]

    def test_but_neither_that_of_another_stream_nor_what_it_does_not_explain(
        self, server: Inhibiting
    ) -> None:
        assert (
            server.held_back(
                [
                    alert("TargetDown", model="m2", instance="a:9464"),
                    alert("DriftFiring", model="m3"),
                    alert("RecordsLost", model="m2", reason="expired"),
                    alert("Quarantined", model="m2", instance="b:9464"),
                ]
            )
            == []
        )

    def test_what_is_said_of_the_replica_that_is_down_is_held_back(
        self, server: Inhibiting
    ) -> None:
        assert server.held_back(
            [
                alert("TargetDown", model="m4", instance="a:9464"),
                alert("Restarting", model="m4", instance="a:9464"),
                alert("Restarting", model="m4", instance="b:9464"),
            ]
        ) == ["Restarting"]

    def test_targets_without_a_model_are_equal_in_it(self, server: Inhibiting) -> None:
        assert server.held_back(
            [
                alert("TargetDown", model="", job="aead-monitor-plain", instance="a:9464"),
                alert("DriftFiring", model="", job="aead-monitor-plain"),
            ]
        ) == ["DriftFiring"]

    def test_drift_explains_anomalies(self, server: Inhibiting) -> None:
        assert server.held_back(
            [alert("DriftFiring", model="m5"), alert("AnomalyRateHigh", model="m5")]
        ) == ["AnomalyRateHigh"]

    def test_kafka_that_is_away_explains_what_one_replica_does_not_do(
        self, server: Inhibiting
    ) -> None:
        assert server.held_back(
            [
                alert("KafkaDisconnected", model="m6", instance="a:9464"),
                alert("PublishFailing", model="m6", instance="a:9464"),
                alert("PublishFailing", model="m6", instance="b:9464"),
                alert("NoPartitions", model="m6"),
            ]
        ) == ["NoPartitions", "PublishFailing"]

    def test_a_quarantine_explains_the_lag_and_the_dead_letters(self, server: Inhibiting) -> None:
        assert server.held_back(
            [
                alert("Quarantined", model="m7", instance="a:9464"),
                alert("LagHigh", model="m7", instance="a:9464"),
                alert("LagHigh", model="m7", instance="b:9464"),
                alert("DeadLetterShareHigh", model="m7"),
            ]
        ) == ["DeadLetterShareHigh", "LagHigh"]

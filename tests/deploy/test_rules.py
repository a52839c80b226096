"""The rules of Prometheus: what they name exists, and each is tested firing and silent."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.prometheus import generate
from monitor.metrics import PREFIX
from tests.deploy.mutants import Mutant, mutants, survives
from tests.deploy.rules import (
    CASES,
    FOLDER,
    SOURCE,
    Rule,
    alerts,
    base_metrics,
    cases,
    grouping,
    looked_up,
    records,
    rules,
    unknown,
)

ALERTS = alerts()
SEVERITIES = {"critical", "warning", "info"}
AGREED = {
    "DriftFiring", "AnomalyRateHigh", "TargetDown", "Absent", "ScoringStalled", "NoInput",
    "LagHigh", "DeadLetterShareHigh", "ModelStale", "ModelVersionsDiffer",
    "RetrainingUnfinished", "RequestDeliveryFailing", "ReloadFailed", "NonFiniteErrors",
}  # fmt: skip


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["promtool", *map(str, arguments)], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def named(rule: Rule) -> str:
    return str(rule.get("alert") or rule.get("record"))


def alert_tests(name: str) -> list[tuple[Rule, Rule]]:
    """Case and test, of every test of this alert."""
    return [
        (case, test)
        for case in cases()
        for test in case.get("alert_rule_test", ())
        if test["alertname"] == name
    ]


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", SOURCE)
    promtool("check", "config", "prometheus.yml")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_the_rules_should_do_is_what_they_do(path: Path) -> None:
    promtool("test", "rules", path)


def test_all_alerts_that_others_rely_on_are_there() -> None:
    assert {f"AeadMonitor{name}" for name in AGREED} <= set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_test_in_which_it_fires(name: str) -> None:
    assert any(test["exp_alerts"] for _, test in alert_tests(name))


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_test_in_which_its_own_series_leave_it_silent(name: str) -> None:
    """Silence without data proves nothing."""
    silent = [case for case, test in alert_tests(name) if not test["exp_alerts"]]
    given = [" ".join(item["series"] for item in case["input_series"]) for case in silent]
    asked = base_metrics(ALERTS[name]["expr"])
    assert any(asked & set(re.findall(r"\w+(?=\{)", series)) for series in given)


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_silent_without_data_unless_that_is_what_it_tells(name: str) -> None:
    nothing = [test for case, test in alert_tests(name) if not case["input_series"]]
    assert nothing
    assert all(bool(test["exp_alerts"]) == (name == "AeadMonitorAbsent") for test in nothing)


@pytest.mark.parametrize("name", records())
def test_every_recorded_series_has_a_test_with_a_number(name: str) -> None:
    tests = [test for case in cases() for test in case.get("promql_expr_test", ())]
    assert any(test["exp_samples"] for test in tests if name in test["expr"])


def test_no_test_gives_series_too_far_apart_to_be_seen() -> None:
    """Prometheus looks back five minutes: what comes more seldom is never there."""
    assert {case["interval"] for case in cases()} <= {"1m", "5m"}


@pytest.mark.parametrize("rule", rules(), ids=named)
def test_every_series_and_label_that_a_rule_names_is_exported(rule: Rule) -> None:
    assert unknown(rule["expr"]) == []
    for text in rule.get("annotations", {}).values():
        for expression in looked_up(text):
            assert unknown(expression) == []


def test_a_series_or_label_that_nobody_exports_is_noticed() -> None:
    assert unknown("aead_monitor_lag > 0") == ["aead_monitor_lag"]
    assert unknown('up{partition="0"}') == ["up{partition}"]
    assert unknown("sum by (topic) (up)") == ["topic"]


def test_a_look_up_in_a_text_is_found() -> None:
    assert looked_up('{{ range query (printf "up{job=%q, a=\\"b\\"}" $labels.job) }}') == [
        'up{job="x", a="b"}'
    ]


@pytest.mark.parametrize("rule", rules(), ids=named)
def test_no_rule_sums_before_it_takes_the_rate(rule: Rule) -> None:
    """The sum of counters falls when one replica restarts, which `rate` takes for a reset."""
    expression = re.sub(r"\s+", " ", rule["expr"])
    assert not re.search(r"(rate|increase)\( ?(sum|max|min|avg)", expression)
    assert "avg" not in expression


@pytest.mark.parametrize("name", records())
def test_recorded_names_say_level_metric_and_operation(name: str) -> None:
    level, _, operation = name.split(":")
    assert {"job", "model"} <= set(level.split("_"))
    assert re.fullmatch(r"(sum|max|count|(ratio|p50|p99)?_?rate\d+[mh])", operation)
    assert {"job", "model"} <= grouping(records()[name]["expr"])


@pytest.mark.parametrize("rule", ALERTS.values(), ids=named)
def test_every_alert_says_how_bad_it_is_and_where_to_look(rule: Rule) -> None:
    assert rule["alert"].startswith("AeadMonitor")
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    texts = rule["annotations"]
    assert set(texts) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert texts["runbook_url"].endswith(f"/{rule['alert']}.md")
    assert "/d/aead-monitor-model?var-job={{ $labels.job | urlquery }}" in texts["dashboard_url"]
    assert len(texts["summary"]) < 130
    assert "$labels" in texts["summary"]


SAMPLE = [mutant for mutant in mutants() if mutant.rule == "AeadMonitorRequestParked"]


@pytest.mark.parametrize("mutant", SAMPLE, ids=str)
def test_the_tests_of_promtool_have_teeth(mutant: Mutant, tmp_path: Path) -> None:
    """A sample; `python -m tests.deploy.mutants` tries all, in some minutes."""
    assert not survives(mutant, tmp_path)


class TestGenerated:
    rules = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))

    def test_both_copies_are_current(self) -> None:
        assert generate.KUBERNETES.read_text() == generate.prometheus_rule(self.rules), "make rules"
        assert generate.GRAFANA.read_text() == generate.grafana_alerting(self.rules), "make rules"

    def test_kubernetes_gets_the_very_same_groups(self, tmp_path: Path) -> None:
        spec = yaml.safe_load(generate.prometheus_rule(self.rules))["spec"]
        assert spec == {"groups": self.rules["groups"]}
        path = tmp_path / "rules.yml"
        path.write_text(yaml.safe_dump(spec))
        promtool("check", "rules", path)

    def test_grafana_gets_every_alert_with_its_expression(self) -> None:
        groups = yaml.safe_load(generate.grafana_alerting(self.rules))["groups"]
        made = {rule["title"]: rule for group in groups for rule in group["rules"]}
        assert list(made) == list(ALERTS)
        for name, rule in made.items():
            first, reduced, condition = rule["data"]
            assert first["datasourceUid"] == "prometheus"
            assert first["model"]["expr"] == ALERTS[name]["expr"]
            assert reduced["model"]["expression"] == first["refId"]
            assert condition["refId"] == rule["condition"]
            assert rule["noDataState"] == "OK"
            assert rule["for"] == ALERTS[name].get("for", "0s")
            assert rule["labels"] == ALERTS[name]["labels"]

    def test_grafana_accepts_the_ids(self) -> None:
        """At most 40 of letters, digits, - and _; each once."""
        text = generate.grafana_alerting(self.rules)
        ids = re.findall(r"uid: (aead-monitor-\S+)", text)
        assert len(set(ids)) == len(ids) == len(ALERTS)
        assert all(re.fullmatch(r"[\w-]{1,40}", uid) for uid in ids)

    def test_texts_for_grafana_use_nothing_that_it_lacks(self) -> None:
        groups = yaml.safe_load(generate.grafana_alerting(self.rules))["groups"]
        for text in (t for g in groups for r in g["rules"] for t in r["annotations"].values()):
            assert "$" not in text
            assert not re.search(r"\bquery\b|sortByLabel", text)
            assert text.count("{{") == text.count("}}")

    def test_one_command_puts_other_addresses_everywhere(self) -> None:
        texts = [path.read_text() for path in (SOURCE, *CASES)]
        for text in texts:
            moved = generate.readdress(text, "https://wiki.test/books/", "http://g.test:3000/x")
            assert "example.com" not in moved
            assert moved.count("https://wiki.test/books/AeadMonitor") == text.count("/AeadMonitor")
            assert moved.count("http://g.test:3000/x/d/aead-monitor-model") == text.count("/d/aead")
            back = generate.readdress(
                moved, "https://runbooks.example.com/aead-monitor", "https://grafana.example.com"
            )
            assert back == text


def test_the_prefix_of_metrics_is_what_the_rules_believe() -> None:
    assert PREFIX == "aead_monitor"

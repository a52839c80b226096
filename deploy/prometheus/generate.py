"""Makes the rules' copies for Kubernetes and Grafana: `python -m deploy.prometheus.generate`.

The one source is rules/aead-monitor.yml. With --runbooks and --grafana it first puts other
addresses into that file and its tests.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
SOURCE: Final = HERE / "rules" / "aead-monitor.yml"
KUBERNETES: Final = (
    HERE.parent / "kubernetes" / "components" / "monitoring" / "prometheus-rule.yaml"
)
GRAFANA: Final = HERE.parent / "grafana" / "provisioning" / "alerting" / "aead-monitor.yml"
HEAD: Final = "# Made from deploy/prometheus/rules/aead-monitor.yml by `make rules`: edit that.\n"
GRAFANA_HEAD: Final = """\
# For those who have Grafana notify and not Alertmanager: with both, everything comes twice. The
# recording rules stay in Prometheus. Texts cannot look further numbers up in Grafana.
"""
DATASOURCE: Final = "prometheus"
INTERVAL: Final = "1m"
RANGE_SECONDS: Final = 600

RUNBOOKS: Final = re.compile(r"https?://[^\s\"]+(?=/AeadMonitor\w+\.md)")
DASHBOARDS: Final = re.compile(r"https?://[^\s\"]+(?=/d/aead-monitor-model)")
LOOKED_UP: Final = re.compile(r"\s*\{\{ range query .*?\{\{ end \}\}", re.DOTALL)
LABEL: Final = re.compile(r"\$labels\.(\w+)")

Rules = Mapping[str, Any]
"""A rule file of Prometheus."""


def prometheus_rule(rules: Rules) -> str:
    """The rules as a resource of the Prometheus operator."""
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "aead-monitor",
            "labels": {"app.kubernetes.io/name": "aead-monitor"},
        },
        "spec": {"groups": rules["groups"]},
    }
    return HEAD + _yaml(resource)


def grafana_alerting(rules: Rules) -> str:
    """The alert rules as a provisioning file of Grafana."""
    groups = [
        {
            "orgId": 1,
            "name": group["name"],
            "folder": "aead-monitor",
            "interval": INTERVAL,
            "rules": [_grafana_rule(rule) for rule in group["rules"]],
        }
        for group in rules["groups"]
        if "alert" in group["rules"][0]
    ]
    return HEAD + GRAFANA_HEAD + _yaml({"apiVersion": 1, "groups": groups})


def _grafana_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    # A data source that fails is told once, by the alert on absence, and not by every rule.
    on_error = "Error" if rule["alert"] == "AeadMonitorAbsent" else "KeepLast"
    made = {
        "uid": re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"]).lower(),
        "title": rule["alert"],
        "condition": "C",
        "data": _queries(rule["expr"]),
        "noDataState": "OK",
        "execErrState": on_error,
        "for": rule.get("for", "0s"),
        "labels": dict(rule["labels"]),
        "annotations": {key: _grafana_text(text) for key, text in rule["annotations"].items()},
    }
    if "keep_firing_for" in rule:
        made["keepFiringFor"] = rule["keep_firing_for"]
    return made


def _queries(expression: str) -> list[dict[str, Any]]:
    """A: the series that the expression leaves. B: their values. C: 1 for each of them.

    The expression says already what is too much: whatever is left fires, be its value 0.
    """
    return [
        _query("A", DATASOURCE, "prometheus", expr=expression, instant=True, range=False),
        _query("B", "__expr__", "__expr__", type="reduce", expression="A", reducer="last"),
        _query(
            "C", "__expr__", "__expr__", type="math", expression="is_number($B) || is_inf($B)"
        ),
    ]  # fmt: skip


def _query(ref: str, uid: str, kind: str, **model: Any) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasourceUid": uid,
        "relativeTimeRange": {"from": RANGE_SECONDS, "to": 0},
        "model": {"refId": ref, "datasource": {"type": kind, "uid": uid}, **model},
    }


def _grafana_text(text: str) -> str:
    """A template of Prometheus as Grafana understands it.

    Without dollar signs: some versions take them for variables of the environment. A label that
    is missing is empty, as in Prometheus; `query` gives nothing there.
    """
    text = LOOKED_UP.sub(" see the dashboard", text)
    text = LABEL.sub(r'(index .Labels "\1")', text)
    return text.replace("$value", ".Values.B.Value")


def readdress(text: str, runbooks: str | None, grafana: str | None) -> str:
    """A file of rules or tests with other base addresses of runbooks and Grafana."""
    for pattern, address in ((RUNBOOKS, runbooks), (DASHBOARDS, grafana)):
        if address is not None:
            text = pattern.sub(address.rstrip("/").replace("\\", r"\\"), text)
    return text


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, and nothing is an alias of something before it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _yaml(content: Any) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


def main() -> None:
    """Write both copies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runbooks", metavar="URL", help="where docs/runbooks is published")
    parser.add_argument("--grafana", metavar="URL", help="where Grafana is reached")
    options = parser.parse_args()
    for path in (SOURCE, *sorted((HERE / "tests").glob("*.yml"))):
        text = path.read_text(encoding="utf-8")
        path.write_text(readdress(text, options.runbooks, options.grafana), encoding="utf-8")
    rules = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    for path, text in ((KUBERNETES, prometheus_rule(rules)), (GRAFANA, grafana_alerting(rules))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

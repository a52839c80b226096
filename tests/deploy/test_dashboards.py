"""The Grafana dashboards: made from Python, well formed, and asking only for what exists."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.generate.files import files
from deploy.grafana.generate.links import RULES, RUNBOOKS
from tests.deploy.dashboard_checks import faults
from tests.deploy.exported import exported, of_prometheus
from tests.deploy.panels import DASHBOARDS, FOLDER, dashboard, expressions, panels

KNOWN = exported() | of_prometheus()
Made = dict[str, Any]


@pytest.fixture(params=DASHBOARDS)
def made(request: pytest.FixtureRequest) -> Made:
    return dashboard(request.param)


def test_the_committed_files_are_what_the_generator_makes() -> None:
    committed = {path.name: path.read_text("utf-8") for path in FOLDER.glob("dashboards/*")}
    assert committed == files(), "run `make dashboards`"


def test_nothing_is_wrong(made: Made) -> None:
    assert faults(made, KNOWN) == []


def test_the_sdk_reads_and_writes_every_key(made: Made) -> None:
    register_default_plugins()
    there = Dashboard.from_json(made)
    back = json.loads(JSONEncoder().encode(there))
    assert list(lost(made, back)) == []
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(back)))
    assert again == back


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where `after` lacks what `before` has, or has another value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from lost(value, after[key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is gone"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{path}[{number}]")
    elif before != after:
        yield f"{path} was {before!r} and is {after!r}"


def test_a_key_that_the_sdk_does_not_know_is_seen_to_be_lost(made: Made) -> None:
    made["panels"][1]["legendary"] = True
    register_default_plugins()
    back = json.loads(JSONEncoder().encode(Dashboard.from_json(made)))
    assert list(lost(made, back)) == [".panels[1].legendary is gone"]


def first(made: Made, kind: str) -> Made:
    """The first panel of a kind, to break."""
    return next(panel for panel in made["panels"] if panel["type"] == kind)


def query(old: str, new: str, kind: str = "timeseries") -> Callable[[Made], None]:
    """Changes the first query of the first panel of a kind."""

    def change(made: Made) -> None:
        target = first(made, kind)["targets"][0]
        assert old in target["expr"]
        target["expr"] = target["expr"].replace(old, new)

    return change


def panel(*path: str, value: Any) -> Callable[[Made], None]:
    """Puts another value into the first graph."""

    def change(made: Made) -> None:
        holder = first(made, "timeseries")
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value

    return change


BROKEN: dict[str, tuple[Callable[[Made], None], str]] = {
    "no title": (panel("title", value=""), "no title"),
    "no description": (panel("description", value=""), "no description"),
    "no unit": (panel("fieldConfig", "defaults", "unit", value=None), "None is no unit"),
    "a unit that Grafana lacks": (
        panel("fieldConfig", "defaults", "unit", value="records"),
        "records is no unit",
    ),
    "a data source of its own": (
        panel("datasource", value={"type": "prometheus", "uid": "prometheus"}),
        "does not ask the data source that was chosen",
    ),
    "another job": (query('job=~"$job"', 'job="aead-monitor"'), "does not look at the job"),
    "a fixed window": (query("$__rate_interval", "5m"), "rate over 0:05:00"),
    "a typing error": (query("sum by", "sum bye"), "does not parse"),
    "a metric that nothing exports": (query("rows_scored", "lines_scored"), "nothing exports"),
    "a counter without _total": (query("rows_scored_total", "rows_scored"), "nothing exports"),
    "a label that a metric lacks": (
        query('instance=~"$instance"', 'instance=~"$instance", topic="in"'),
        "no label topic in aead_monitor_rows_anomalous_total",
    ),
    "a value that a label never has": (
        query('state="firing"', 'state="alarmed"', "stat"),
        "aead_monitor_drift_state never has state=alarmed",
    ),
    "a sum by a label that is not there": (query("by (job,", "by (topic,"), "no label topic"),
    "a legend of a label that is not there": (
        lambda made: first(made, "timeseries")["targets"][0].update(legendFormat="{{topic}}"),
        "no label topic in the legend",
    ),
    "a link by a label that the series lack": (
        panel("fieldConfig", "defaults", "links", value=["http://${__field.labels.instance}/"]),
        "a link needs the label instance",
    ),
    "a panel on another": (panel("gridPos", "y", value=1), "overlap"),
    "a panel off the grid": (panel("gridPos", "w", value=25), "leaves the grid"),
    "an id twice": (panel("id", value=1), "id 1 is used 2 times"),
    "no description of the whole": (lambda made: made.update(description=""), "no description"),
    "another order of variables": (
        lambda made: made["templating"]["list"].reverse(),
        "variables are",
    ),
    "a variable of a metric that nothing exports": (
        lambda made: made["templating"]["list"][1]["query"].update(query="label_values(ups, job)"),
        "job: nothing exports ups",
    ),
    "an annotation of a metric that nothing exports": (
        lambda made: made["annotations"]["list"][0].update(expr='drift{job=~"$job"}'),
        "Drift: nothing exports drift",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_copy_is_refused(case: str) -> None:
    change, fault = BROKEN[case]
    made = copy.deepcopy(dashboard("fleet"))
    change(made)
    assert any(fault in found for found in faults(made, KNOWN))


def test_folded_panels_are_asked_too() -> None:
    made = dashboard("model")
    titles = {asked.title for asked in expressions(made)}
    assert titles == {panel["title"] for panel in panels(made)}
    assert "Memory, by replica" in titles


def test_what_is_chosen_stands_in_the_expressions() -> None:
    chosen = {"job": "aead-monitor", "model": "digits", "instance": "a:1", "__rate_interval": "20s"}
    text = "\n".join(asked.expression for asked in expressions(dashboard("fleet"), chosen))
    assert 'job=~"aead-monitor", model=~"digits", instance=~"a:1"' in text
    assert "[20s]" in text
    assert "$" not in text


def test_a_variable_that_nobody_defines_is_an_error() -> None:
    made = dashboard("fleet")
    made["panels"][1]["targets"][0]["expr"] = 'up{job=~"$job", zone="$zone"}'
    with pytest.raises(KeyError, match="zone"):
        expressions(made)


def test_links_lead_to_dashboards_that_exist() -> None:
    made = [dashboard(name) for name in DASHBOARDS]
    named = set(re.findall(r'"/d/([\w-]+)', json.dumps(made)))
    assert named == {each["uid"] for each in made}


def test_links_to_runbooks_are_those_of_the_alert_rules() -> None:
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert alerts
    links = re.findall(r'"(https?://[^"]+\.md)"', json.dumps(dashboard("model")))
    assert links == [f"{RUNBOOKS}/${{__data.fields.alertname}}.md"]
    for rule in alerts:
        link = links[0].replace("${__data.fields.alertname}", rule["alert"])
        assert rule["annotations"]["runbook_url"] == link


def test_alert_rules_lead_to_the_model_in_depth() -> None:
    made = dashboard("model")
    names = {variable["name"] for variable in made["templating"]["list"]}
    urls = re.findall(r"dashboard_url: \S+/d/(\S+)\?(.*)", RULES.read_text("utf-8"))
    assert urls
    for uid, chosen in urls:
        assert uid == made["uid"]
        assert set(re.findall(r"var-(\w+)=", chosen)) <= names


def test_the_data_source_has_the_uid_that_alert_rules_name() -> None:
    path = FOLDER / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(path.read_text("utf-8"))["datasources"]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
    scraped = yaml.safe_load((FOLDER.parent / "prometheus" / "prometheus.yml").read_text("utf-8"))
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]

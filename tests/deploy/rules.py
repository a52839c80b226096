"""The rules of Prometheus and their promtool tests, as the tests of deploy/ look at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from monitor.metrics import Metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
SOURCE = FOLDER / "rules" / "aead-monitor.yml"
CASES = sorted((FOLDER / "tests").glob("*.yml"))
TARGET = {"job", "model", "instance"}
"""Labels that Prometheus adds to whatever it scrapes; `up` has these alone."""

Rule = dict[str, Any]


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, in order."""
    groups = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["groups"]
    return tuple(rule for group in groups for rule in group["rules"])


def alerts() -> dict[str, Rule]:
    """Name -> alert rule."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def records() -> dict[str, Rule]:
    """Name -> recording rule."""
    return {rule["record"]: rule for rule in rules() if "record" in rule}


@cache
def exported() -> dict[str, set[str]]:
    """Series name -> labels, of everything that the daemon exports, and `up`."""
    registry = CollectorRegistry()
    Metrics(registry, (0.5,))
    ProcessCollector(registry=registry)
    found = {"up": set(TARGET)}
    # Only the collector of the process has no names before it is asked.
    found |= {family.name: set(TARGET) for family in registry.collect()}
    for name, collector in registry._names_to_collectors.items():
        own = set(getattr(collector, "_labelnames", ()))
        found[name] = TARGET | own | ({"le"} if name.endswith("_bucket") else set())
    return found


@cache
def known() -> dict[str, set[str]]:
    """The same with what the rules record; those series have the labels that their level names."""
    levels = {name: set(name.split(":")[0].split("_")) for name in records()}
    return exported() | levels


def nodes(expression: str) -> Iterator[Any]:
    """Every node of a parsed expression."""
    found: list[Any] = []
    promql.walk(promql.parse(expression), lambda node: found.append(node) or True)
    return iter(found)


def selectors(expression: str) -> list[Any]:
    """Its vector selectors."""
    return [node for node in nodes(expression) if isinstance(node, promql.VectorSelector)]


def grouping(expression: str) -> set[str]:
    """The labels that it sums by or matches on."""
    named: set[str] = set()
    for node in nodes(expression):
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            named |= set(node.modifier.labels)
        if isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
            named |= set(node.modifier.matching.labels)
    return named


def base_metrics(expression: str) -> set[str]:
    """The exported series that it rests on, through what is recorded."""
    found: set[str] = set()
    for selector in selectors(expression):
        rule = records().get(selector.name)
        found |= base_metrics(rule["expr"]) if rule else {selector.name}
    return found


def unknown(expression: str) -> list[str]:
    """What it names that nobody exports: series, or labels of series."""
    wrong, labels = [], set(TARGET)
    for selector in selectors(expression):
        if selector.name not in known():
            wrong.append(selector.name)
            continue
        labels |= known()[selector.name]
        asked = {matcher.name for matcher in selector.matchers.matchers}
        wrong += [f"{selector.name}{{{name}}}" for name in asked - known()[selector.name]]
    return wrong + sorted(grouping(expression) - labels)


def looked_up(text: str) -> list[str]:
    """The expressions that an annotation asks Prometheus for."""
    found = re.findall(r'query \(printf "((?:[^"\\]|\\.)*)"', text)
    return [query.replace('\\"', '"').replace("%q", '"x"') for query in found]


@cache
def cases() -> tuple[Rule, ...]:
    """All promtool test cases."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES]
    return tuple(case for file in files for case in file["tests"])

"""What is wrong with an expression, as far as that shows without any data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import promql_parser

from tests.deploy.exported import TARGET_LABELS, Series

RATES = {"rate", "irate", "increase", "delta", "idelta", "deriv"}


def parts(expression: str) -> list[Any]:
    """Every node of the expression's tree. Raises ValueError if it is none."""
    nodes: list[Any] = []
    promql_parser.walk(promql_parser.parse(expression), pre_visit=nodes.append)
    return nodes


def faults(expression: str, known: Series, rate_window: timedelta, legend: str = "") -> list[str]:
    """Sentences, none if all is well.

    known: the series that exist. rate_window: what `$__rate_interval` was filled in as; every
    rate must use it. legend: its labels must be labels of the series.
    """
    try:
        nodes = parts(expression)
    except ValueError as error:
        return [f"does not parse: {error}"]
    selectors = [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]
    labels = {label for each in selectors for label in known.get(each.name or "", {})}
    return [
        *(fault for each in selectors for fault in _of_selector(each, known)),
        *(fault for node in nodes for fault in _of_node(node, labels, rate_window)),
        *_unknown_labels(re.findall(r"\{\{(\w+)\}\}", legend), labels, "the legend"),
    ]


def _of_selector(selector: Any, known: Series) -> Iterator[str]:
    if selector.name not in known:
        yield f"nothing exports {selector.name}"
        return
    labels = known[selector.name]
    for matcher in selector.matchers.matchers:
        yield from _unknown_labels([matcher.name], set(labels), selector.name)
        values = labels.get(matcher.name)
        exact = matcher.op == promql_parser.MatchOp.Equal
        if exact and values and matcher.value not in values:
            yield f"{selector.name} never has {matcher.name}={matcher.value}"


def _of_node(node: Any, labels: set[str], rate_window: timedelta) -> Iterator[str]:
    if isinstance(node, promql_parser.Call) and node.func.name in RATES:
        if node.args[0].range != rate_window:
            yield f"{node.func.name} over {node.args[0].range}, not $__rate_interval"
    elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
        yield from _unknown_labels(node.modifier.labels, labels, f"{node.op} by")
    elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
        yield from _unknown_labels(node.modifier.matching.labels, labels, f"matching of {node.op}")


def _unknown_labels(named: list[str], labels: set[str], where: str) -> Iterator[str]:
    for label in named:
        if label not in labels | set(TARGET_LABELS):
            yield f"no label {label} in {where}"

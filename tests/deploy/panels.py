"""What the dashboards ask Prometheus, with Grafana's variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS = ("fleet", "model")
TIMES = {"__rate_interval": "1m", "__interval": "15s", "__range": "6h", "__range_s": "21600"}
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})")
_LABEL_VALUES = re.compile(r"^label_values\((.+), \w+\)$")

Json = Mapping[str, Any]


class Asked(NamedTuple):
    """A panel's title, and an expression that Prometheus understands."""

    title: str
    expression: str


def dashboard(name: str) -> dict[str, Any]:
    """A dashboard as committed."""
    path = FOLDER / "dashboards" / f"{name}.json"
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


def panels(made: Json) -> Iterator[Json]:
    """Every panel that shows something, those in folded rows included."""
    for panel in made["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels") or []


def expressions(made: Json, variables: Mapping[str, str] | None = None) -> list[Asked]:
    """Every expression of every panel.

    variables: `job`, `model`, `instance` as Grafana would fill them in, which is a regular
    expression, and `__rate_interval` and its like. What is left out is what the dashboard begins
    with: everything. Raises KeyError for a variable that nobody defines.
    """
    values = TIMES | beginning(made) | dict(variables or {})
    return [
        Asked(panel["title"], fill_in(target["expr"], values))
        for panel in panels(made)
        for target in panel["targets"]
    ]


def marks(made: Json, variables: Mapping[str, str] | None = None) -> list[Asked]:
    """Every annotation's expression. Most are empty while nothing has happened."""
    values = TIMES | beginning(made) | dict(variables or {})
    return [
        Asked(annotation["name"], fill_in(annotation["expr"], values))
        for annotation in made["annotations"]["list"]
    ]


def choices(made: Json) -> list[Asked]:
    """The series whose labels each variable offers."""
    values = beginning(made)
    return [
        Asked(variable["name"], fill_in(selector, values))
        for variable in made["templating"]["list"]
        if variable["type"] == "query"
        for selector in _LABEL_VALUES.findall(variable["query"]["query"])
    ]


def beginning(made: Json) -> dict[str, str]:
    """The value of each variable when nobody has chosen yet."""
    return {v["name"]: _first(v) for v in made["templating"]["list"] if v["type"] != "datasource"}


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """The text with `$name` and `${name}` replaced."""
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], text)


def _first(variable: Json) -> str:
    current: str = variable["current"]["value"]
    return str(variable["allValue"]) if current == "$__all" else current

"""What is wrong with a dashboard, as far as that shows without a Grafana."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from typing import Any

from grafana_foundation_sdk.models import units

from tests.deploy import promql
from tests.deploy.exported import Series
from tests.deploy.panels import Json, choices, expressions, marks, panels

WINDOW = timedelta(minutes=7, seconds=13)
"""A length that nobody would write by hand, so that it shows where `$__rate_interval` stands."""
FILLED_IN = {"__rate_interval": "7m13s"}
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
VARIABLES = ["datasource", "job", "model", "instance"]


def faults(made: Json, known: Series) -> list[str]:
    """Sentences, none if all is well. known: the series that exist."""
    return [
        *_of_whole(made),
        *(f"{panel.get('title')}: {fault}" for panel in panels(made) for fault in _of_panel(panel)),
        *_of_expressions(made, known),
        *_overlaps(made),
    ]


def _of_whole(made: Json) -> Iterator[str]:
    if not made.get("description"):
        yield "the dashboard has no description"
    names = [variable["name"] for variable in made["templating"]["list"]]
    if names[: len(VARIABLES)] != VARIABLES:
        yield f"variables are {names}"
    ids = Counter(panel["id"] for panel in [*panels(made), *_rows(made)])
    yield from (f"id {number} is used {times} times" for number, times in ids.items() if times > 1)
    for annotation in made["annotations"]["list"]:
        yield from _of_source(annotation, f"annotation {annotation['name']}")


def _of_panel(panel: Json) -> Iterator[str]:
    for key in ("title", "description"):
        if not panel.get(key):
            yield f"no {key}"
    unit = panel["fieldConfig"]["defaults"].get("unit")
    if unit not in UNITS and not str(unit).startswith("suffix:"):
        yield f"{unit} is no unit"
    yield from _of_source(panel, "the panel")
    for target in panel["targets"]:
        yield from _of_source(target, f"query {target['refId']}")
    legends = " ".join(target["legendFormat"] for target in panel["targets"])
    for label in re.findall(r"__field\.labels\.(\w+)", str(panel["fieldConfig"])):
        if f"{{{{{label}}}}}" not in legends:
            yield f"a link needs the label {label}, which the series may lack"
    references = [target["refId"] for target in panel["targets"]]
    if len(set(references)) < len(references):
        yield "two queries with one letter"


def _of_source(holder: Json, what: str) -> Iterator[str]:
    if holder.get("datasource") != DATASOURCE:
        yield f"{what} does not ask the data source that was chosen"
    if "expr" in holder and "$job" not in holder["expr"]:
        yield f"{what} does not look at the job that was chosen"


def _of_expressions(made: Json, known: Series) -> Iterator[str]:
    targets = [target for panel in panels(made) for target in panel["targets"]]
    legends = [
        *(target.get("legendFormat", "") for target in targets),
        *(annotation["textFormat"] for annotation in made["annotations"]["list"]),
    ]
    offered = choices(made)
    asked = [*expressions(made, FILLED_IN), *marks(made, FILLED_IN), *offered]
    legends += [""] * len(offered)
    for (title, expression), legend in zip(asked, legends, strict=True):
        for fault in promql.faults(expression, known, WINDOW, legend):
            yield f"{title}: {fault}"


def _overlaps(made: Json) -> Iterator[str]:
    places = [*panels(made), *_rows(made)]
    for one, other in combinations(places, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{one['title']} and {other['title']} overlap"
    for panel in places:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield f"{panel['title']} leaves the grid"


def _overlap(one: Any, other: Any) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    down = one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    return bool(across and down)


def _rows(made: Json) -> list[Json]:
    return [panel for panel in made["panels"] if panel["type"] == "row"]

"""Tables: a row for each model, replica or alert, and its queries side by side."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.generate.panels import (
    REFS,
    WIDTH,
    Steps,
    Texts,
    lay,
    now,
    thresholds,
    value_texts,
)
from deploy.grafana.generate.queries import Query, named

ROW = "__data.fields"
"""Where a link finds the cells of its row, by the labels' own names."""


class Column(NamedTuple):
    """One query of a table."""

    expression: str
    heading: str
    unit: str = "none"
    steps: Steps = ()
    texts: Texts | None = None


def rows(
    title: str,
    description: str,
    labels: tuple[str, ...],
    columns: list[Column],
    *links: builders.DashboardLink,
    first: common_builders.TableSortByFieldState,
    height: int = 8,
) -> table.Panel:
    """A table. labels: the columns that tell the rows apart, in order. first: what is on top."""
    panel = lay(table.Panel(), title, description, "none", WIDTH, height)
    queries = (Query(named(column.expression)) for column in columns)
    panel.targets(now(queries, PromQueryFormat.TABLE))
    panel.transformations(_side_by_side(labels, columns)).data_links(list(links))
    for column in columns:
        panel.override_by_name(column.heading, _look(column))
    return panel.sort_by([first]).no_value("-").cell_height(common.TableCellHeight.SM)


def by(heading: str, descending: bool = False) -> common_builders.TableSortByFieldState:
    """An order of rows."""
    return common_builders.TableSortByFieldState().display_name(heading).desc(descending)


def _side_by_side(
    labels: tuple[str, ...], columns: list[Column]
) -> list[dashboard.DataTransformerConfig]:
    """Rows with the same labels become one; value columns get their headings."""
    headings = {f"Value #{REFS[place]}": column.heading for place, column in enumerate(columns)}
    if len(columns) == 1:
        # A single query's values carry no letter.
        headings["Value"] = columns[0].heading
    order = {name: place for place, name in enumerate([*labels, *headings])}
    organize = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": headings}
    return [
        dashboard.DataTransformerConfig(id_val="merge", options={}),
        dashboard.DataTransformerConfig(id_val="organize", options=organize),
    ]


def _look(column: Column) -> list[dashboard.DynamicConfigValue]:
    look = [
        dashboard.DynamicConfigValue("unit", column.unit),
        dashboard.DynamicConfigValue("mappings", value_texts(column.texts or {})),
    ]
    if column.steps or column.texts:
        colored = common.TableColoredBackgroundCellOptions()
        look.append(dashboard.DynamicConfigValue("custom.cellOptions", colored))
    if column.steps:
        steps = thresholds(column.steps).build()
        look.append(dashboard.DynamicConfigValue("thresholds", steps))
    return look

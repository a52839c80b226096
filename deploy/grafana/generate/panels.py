"""The kinds of panel, each in one look throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import (
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.generate.links import one_model, status_page
from deploy.grafana.generate.queries import Query

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
"""Columns of Grafana's grid."""
REFS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Steps = Sequence[tuple[float | None, str]]
"""Where each colour begins; the first begins at None, which is minus infinity."""
Texts = Mapping[int, tuple[str, str]]
"""The text and the colour of a value."""

PLAIN: Steps = ((None, "text"),)
BAD_FROM_ONE: Steps = ((None, "green"), (1, "red"))
BEHIND: Steps = ((None, "green"), (60, "yellow"), (600, "red"))
BAD_SHARE: Steps = ((None, "green"), (0.01, "yellow"), (0.1, "red"))
EXCESS: Steps = ((None, "green"), (3, "yellow"), (10, "red"))
YES_TEXTS: Texts = {0: ("no", "red"), 1: ("yes", "green")}
STATE_TEXTS: Texts = {
    0: ("no verdict yet", "text"),
    1: ("learning", "blue"),
    2: ("ok", "green"),
    3: ("pending", "yellow"),
    4: ("firing", "red"),
    5: ("down", "dark-purple"),
}
DIRECTION_TEXTS: Texts = {
    0: ("none", "green"),
    1: ("larger errors", "red"),
    2: ("smaller errors", "orange"),
    3: ("narrower errors", "yellow"),
    4: ("wider errors", "purple"),
}
ONSET_TEXTS: Texts = {0: ("no drift", "green")}
_LIMITS = "/^(expected|normal|threshold|tolerance|limit)/"
_DASHED = {"fill": "dash", "dash": [8, 8]}
"""What the others are measured by is dashed."""
REPLICA_PAGE = status_page("${__field.labels.instance}")

Panel = timeseries.Panel | stat.Panel | statetimeline.Panel | heatmap.Panel | table.Panel
P = TypeVar("P", timeseries.Panel, stat.Panel, statetimeline.Panel, heatmap.Panel, table.Panel)


def lay(panel: P, title: str, description: str, unit: str, width: int, height: int) -> P:
    """Give a panel what every panel must have."""
    panel.title(title).description(description).unit(unit).datasource(DATASOURCE)
    panel.span(width).height(height)
    return panel


def over_time(queries: Iterable[Query]) -> list[builder.Builder[variants.Dataquery]]:
    """Targets that give values over the time shown."""
    return [_target(REFS[place], query).range() for place, query in enumerate(queries)]


def now(
    queries: Iterable[Query], shape: PromQueryFormat = PromQueryFormat.TIME_SERIES
) -> list[builder.Builder[variants.Dataquery]]:
    """Targets that give the values at its end: a replica that has gone leaves no last value."""
    return [
        _target(REFS[place], query).instant().format(shape) for place, query in enumerate(queries)
    ]


def graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    stacked: bool = False,
) -> timeseries.Panel:
    """Lines over time."""
    panel = lay(timeseries.Panel(), title, description, unit, WIDTH // 2, 8)
    panel.targets(over_time(queries)).data_links(_leads_to(queries))
    panel.line_width(1).fill_opacity(30 if stacked else 5).show_points(common.VisibilityMode.NEVER)
    if stacked:
        mode = common.StackingMode.NORMAL
        panel.stacking(common_builders.StackingConfig().group("A").mode(mode))
    panel.override_by_regexp(_LIMITS, [dashboard.DynamicConfigValue("custom.lineStyle", _DASHED)])
    panel.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    return panel.tooltip(_all_series()).axis_soft_min(0)


def number(
    title: str,
    description: str,
    unit: str,
    query: Query,
    steps: Steps = PLAIN,
) -> stat.Panel:
    """The value now, large."""
    panel = lay(stat.Panel(), title, description, unit, WIDTH // 8, 4)
    panel.targets(now([query])).mappings(value_texts({}))
    panel.thresholds(thresholds(steps)).graph_mode(common.BigValueGraphMode.NONE)
    colored = steps is not PLAIN
    modes = common.BigValueColorMode
    panel.color_mode(modes.BACKGROUND if colored else modes.NONE)
    return panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))


def timeline(
    title: str, description: str, *queries: Query, texts: Texts, height: int = 6
) -> statetimeline.Panel:
    """A band for each series, coloured by what its values mean."""
    panel = lay(statetimeline.Panel(), title, description, "none", WIDTH, height)
    panel.targets(over_time(queries)).mappings(value_texts(texts))
    panel.data_links([REPLICA_PAGE]).fill_opacity(80).line_width(0)
    panel.show_value(common.VisibilityMode.NEVER)
    return panel.merge_values(True).tooltip(_all_series())


def heat_map(title: str, description: str, unit: str, query: Query) -> heatmap.Panel:
    """The buckets of a histogram over time; the colour is how much falls into each."""
    panel = lay(heatmap.Panel(), title, description, unit, WIDTH, 10)
    target = _target("A", query).range().format(PromQueryFormat.HEATMAP)
    colors = heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME)
    panel.targets([target]).max_data_points(200).calculate(False)
    panel.color(colors.scheme("Turbo").exponent(0.5).steps(64))
    panel.cell_values(heatmap.CellValues().unit("rowsps"))
    return panel.y_axis(heatmap.YAxisConfig().unit(unit)).show_legend()


def thresholds(steps: Steps) -> dashboard_builders.ThresholdsConfig:
    """Colours by value."""
    found = [dashboard.Threshold(value=value, color=color) for value, color in steps]
    config = dashboard_builders.ThresholdsConfig()
    return config.mode(dashboard.ThresholdsMode.ABSOLUTE).steps(found)


def value_texts(texts: Texts) -> list[dashboard.ValueMapping]:
    """Words for values, and a dash for what is not a number, as a share of no records."""
    dash = dashboard.ValueMappingResult(text="-", color="text")
    nan = dashboard.DashboardSpecialValueMapOptions(dashboard.SpecialValueMatch.NULL_AND_NAN, dash)
    words = {
        str(value): dashboard.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    special = dashboard.SpecialValueMap(nan)
    return [dashboard.ValueMap(words), special] if words else [special]


def _leads_to(queries: Iterable[Query]) -> list[builder.Builder[dashboard.DashboardLink]]:
    """Where a click on a line goes: as far in as its labels tell."""
    legends = "".join(query.legend for query in queries)
    if "{{instance}}" in legends:
        return [REPLICA_PAGE]
    return [one_model("__field.labels")] if "{{job}}" in legends else []


def _target(ref: str, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref).expr(query.expression).datasource(DATASOURCE)
    return target.legend_format(query.legend)


def _all_series() -> common_builders.VizTooltipOptions:
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    return tooltip.sort(common.SortOrder.DESCENDING)

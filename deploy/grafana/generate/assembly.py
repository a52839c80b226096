"""Puts sections and panels on the grid and gives them what every dashboard of ours has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog import builder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate.annotations import marks
from deploy.grafana.generate.panels import Panel
from deploy.grafana.generate.variables import variables


class Section(NamedTuple):
    """A heading with its panels. folded: closed until somebody opens it, and not queried."""

    title: str
    panels: Sequence[Panel]
    folded: bool = False


def assemble(
    uid: str,
    title: str,
    description: str,
    links: list[builder.Builder[dashboard.DashboardLink]],
    sections: Sequence[Section],
) -> dashboard.Dashboard:
    """A dashboard in Grafana's classic form."""
    made = builders.Dashboard(title).uid(uid).description(description).tags(["aead-monitor"])
    made.variables(variables()).annotations(marks()).links(links)
    made.time("now-6h", "now").refresh("30s").timezone("browser")
    made.tooltip(dashboard.DashboardCursorSync.CROSSHAIR).editable()
    number = 0
    for section in sections:
        number += 1
        row = builders.Row(section.title).id(number).collapsed(section.folded)
        for panel in section.panels:
            number += 1
            panel.id(number)
            if section.folded:
                row.with_panel(panel)
        made.with_row(row)
        for panel in () if section.folded else section.panels:
            made.with_panel(panel)
    return made.build()

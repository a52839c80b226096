"""Where a panel leads: the other dashboard, a replica's status page, a runbook."""

from __future__ import annotations

import re
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

FLEET = "aead-monitor-fleet"
MODEL = "aead-monitor-model"
RULES = Path(__file__).parents[2] / "prometheus" / "rules" / "aead-monitor.yml"


def _runbooks() -> str:
    """Where the alert rules say that runbooks are."""
    found = re.search(r"runbook_url: \"?(\S+)/AeadMonitor\w+\.md", RULES.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{RULES}: no rule has a runbook_url that ends in AeadMonitor....md")
    return found[1]


RUNBOOKS = _runbooks()


def other_dashboard(uid: str, title: str) -> builders.DashboardLink:
    """A button at the top; what is chosen and the time shown go along."""
    link = _link(title, f"/d/{uid}").type(dashboard.DashboardLinkType.LINK).icon("dashboard")
    return link.include_vars(True).keep_time(True)


def all_runbooks() -> builders.DashboardLink:
    """A button at the top to the list of runbooks."""
    link = _link("Runbooks", f"{RUNBOOKS}/").type(dashboard.DashboardLinkType.LINK).icon("doc")
    return link.target_blank(True)


def status_page(instance: str) -> builders.DashboardLink:
    """The status page of a replica. instance: an expression of Grafana's for HOST:PORT."""
    return _link("Status page of the replica", f"${{scheme}}://{instance}/").target_blank(True)


def one_model(row: str) -> builders.DashboardLink:
    """The model of a table's row in depth. row: `fields` or so, where Grafana finds its cells."""
    chosen = f"var-job=${{{row}.job}}&var-model=${{{row}.model}}"
    url = f"/d/{MODEL}?var-datasource=${{datasource}}&{chosen}&${{__url_time_range}}"
    return _link("This model in depth", url)


def runbook(row: str) -> builders.DashboardLink:
    """What to do about the alert of a table's row."""
    return _link("Runbook", f"{RUNBOOKS}/${{{row}.alertname}}.md").target_blank(True)


def _link(title: str, url: str) -> builders.DashboardLink:
    return builders.DashboardLink(title).url(url)

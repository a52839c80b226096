"""What can be chosen at the top of both dashboards."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog import builder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate.panels import DATASOURCE

JOBS = "aead-monitor.*"
"""The scrape jobs that are ours."""
EVERYTHING = dashboard.VariableOption(selected=True, text="All", value="$__all")


def variables() -> list[builder.Builder[dashboard.VariableModel]]:
    """Each narrows those after it. `up` knows targets that have never answered, too."""
    return [
        builders.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _labels("job", "Job", f'up{{job=~"{JOBS}"}}').all_value(JOBS),
        # Everything, and not the values found: a target without the label has none.
        _labels("model", "Model", 'up{job=~"$job"}').all_value(".*"),
        _labels("instance", "Replica", 'up{job=~"$job", model=~"$model"}').all_value(".*"),
        _scheme(),
    ]


def _labels(name: str, label: str, series: str) -> builders.QueryVariable:
    variable = builders.QueryVariable(name).label(label).datasource(DATASOURCE)
    query = f"label_values({series}, {name})"
    variable.query({"query": query, "refId": name, "qryType": 1}).definition(query)
    variable.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable.sort(dashboard.VariableSort.NATURAL_ASC)
    return variable.multi(True).include_all(True).current(EVERYTHING)


def _scheme() -> builders.CustomVariable:
    text = "How links reach the replicas' status pages."
    variable = builders.CustomVariable("scheme").label("Status pages by").description(text)
    first = dashboard.VariableOption(selected=True, text="http", value="http")
    second = dashboard.VariableOption(selected=False, text="https", value="https")
    return variable.values("http,https").options([first, second]).current(first)

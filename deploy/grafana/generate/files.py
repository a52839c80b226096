"""The dashboards as files."""

from __future__ import annotations

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate.fleet import fleet
from deploy.grafana.generate.model import model


def files() -> dict[str, str]:
    """The text of each file, by its name."""
    return {"fleet.json": _text(fleet()), "model.json": _text(model())}


def _text(made: dashboard.Dashboard) -> str:
    return JSONEncoder(sort_keys=True, indent=2).encode(made) + "\n"

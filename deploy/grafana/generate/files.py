"""The dashboards as files."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate.fleet import fleet
from deploy.grafana.generate.model import model

HIDDEN = ("placement", "inControlsMenu")


def files() -> dict[str, str]:
    """The text of each file, by its name."""
    return {"fleet.json": _text(fleet()), "model.json": _text(model())}


def _text(made: dashboard.Dashboard) -> str:
    plain = _shown(json.loads(JSONEncoder().encode(made)))
    return json.dumps(plain, sort_keys=True, indent=2) + "\n"


def _shown(value: Any) -> Any:
    """The same without what hides every link and annotation in a menu.

    The SDK (0.0.21) writes that into each of them and offers no other value.
    """
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items() if (key, item) != HIDDEN}
    return value

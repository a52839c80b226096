"""What is marked on every graph: drift, new models, restarts."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog import builder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.generate.panels import DATASOURCE
from deploy.grafana.generate.queries import MODEL, REPLICA, chosen, process, worst

_VERSION = f"{MODEL}, version"


def marks() -> list[builder.Builder[dashboard.AnnotationQuery]]:
    """Spans while drift fires, and moments."""
    firing = worst(chosen("drift_state", state="firing"), REPLICA)
    onset = worst(chosen("drift_onset_timestamp_seconds"), REPLICA)
    started = worst(process("start_time_seconds"), REPLICA)
    return [
        _span("Drift", "red", firing, "drift fires", "{{job}} {{model}} {{instance}}"),
        _moment("Drift's onset", "orange", onset, "drift seems to begin", "{{instance}}"),
        _moment("Model swaps", "blue", _swapped(), "model swapped", "{{version}} in {{instance}}"),
        _span("Model versions", "purple", _unseen(), "new version", "{{model}} {{version}}"),
        _moment("Starts", "green", started, "daemon started", "{{instance}}"),
    ]


def _swapped() -> str:
    """When the model in use took its place, with its version."""
    by_version = worst(chosen("model_info"), f"{REPLICA}, version")
    moment = worst(chosen("model_swap_timestamp_seconds"), REPLICA)
    return f"{by_version} * on ({REPLICA}) group_left () {moment}"


def _unseen() -> str:
    """Versions that no replica had in the half hour before."""
    before = f"max_over_time({chosen('model_info')}[30m] offset $__interval)"
    return f"{worst(chosen('model_info'), _VERSION)} unless {worst(before, _VERSION)}"


def _span(name: str, color: str, expression: str, title: str, text: str) -> _Builder:
    """Neighbouring points above 0 become one span."""
    return _annotation(name, color, expression, title, text).use_value_for_time(False)


def _moment(name: str, color: str, expression: str, title: str, text: str) -> _Builder:
    """The value is the moment itself: seconds since the epoch, 0 for none."""
    milliseconds = f"({expression}) * 1000 > 0"
    return _annotation(name, color, milliseconds, title, text).use_value_for_time(True)


def _annotation(name: str, color: str, expression: str, title: str, text: str) -> _Builder:
    query = builders.AnnotationQuery().name(name).datasource(DATASOURCE).icon_color(color)
    query.enable(True).hide(False).expr(expression).step("1m")
    return query.title_format(title).text_format(text).tag_keys("model,instance,version")


_Builder = builders.AnnotationQuery

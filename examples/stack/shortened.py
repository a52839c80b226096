"""The deployed files of Prometheus and Alertmanager, with other addresses and shorter times.

The one rule of times: an hour becomes a minute, and nothing becomes shorter than two seconds. It
holds for every duration that is a setting of its own (scrape_interval, for, group_wait, ...).
Durations inside of expressions, such as [5m], stay as they are, unless `rules` is told otherwise.
Else expressions, labels, annotations, routes and inhibitions are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = "rules/aead-monitor.yml"
SPEED = 60
LEAST_SECONDS = 2
LEAST_RANGE = 10
"""Seconds: a rate needs some scrapes."""

TIMES = frozenset({
    "scrape_interval", "scrape_timeout", "evaluation_interval", "interval", "for",
    "keep_firing_for", "group_wait", "group_interval", "repeat_interval", "resolve_timeout",
})  # fmt: skip
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}

Change = Callable[[Any], Any]


def prometheus(targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """prometheus.yml. targets: what stands in place of each HOST:PORT of the deployed file."""

    def replaced(deployed: list[str]) -> list[str]:
        return [own for target in deployed for own in targets[target]]

    return _changed(_deployed("prometheus/prometheus.yml"), {"targets": replaced})


def rules(faster: int = 1) -> dict[str, Any]:
    """The rules, addresses of runbooks and dashboards as they are.

    faster: so many times shorter are the ranges in expressions, too, and none than LEAST_RANGE.
    """
    ranges = {} if faster == 1 else {"expr": lambda text: _sooner(text, faster)}
    return _changed(_deployed(f"prometheus/{RULES}"), ranges)


def _sooner(expression: str, faster: int) -> str:
    """The expression, its ranges in square brackets shorter."""

    def shorter_range(found: re.Match[str]) -> str:
        return f"[{max(ceil(seconds(found.group(1)) / faster), LEAST_RANGE)}s]"

    return re.sub(r"\[(\w+)\]", shorter_range, expression)


def alertmanager(address: str, secrets: Path) -> dict[str, Any]:
    """alertmanager.yml, with every receiver at `address` (HOST:PORT), which speaks plain HTTP, and
    its tokens in a folder.
    """
    return _changed(
        _deployed("alertmanager/alertmanager.yml"),
        {
            "url": lambda url: urlsplit(url)._replace(scheme="http", netloc=address).geturl(),
            "credentials_file": lambda file: str(secrets.resolve() / Path(file).name),
        },
    )


def seconds(duration: str) -> float:
    """Of a duration such as 1h30m."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"no duration: {duration!r}")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def shorter(value: float) -> float:
    """The rule, for seconds."""
    return max(value / SPEED, LEAST_SECONDS)


def _deployed(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def _changed(value: Any, changes: Mapping[str, Change]) -> Any:
    """The same tree, with what stands under these keys and under those of times changed."""
    if isinstance(value, list):
        return [_changed(item, changes) for item in value]
    if not isinstance(value, dict):
        return value
    rules = {**dict.fromkeys(TIMES, _shortened), **changes}
    return {
        key: rules[key](item) if key in rules else _changed(item, changes)
        for key, item in value.items()
    }


def _shortened(duration: str) -> str:
    return f"{ceil(shorter(seconds(duration)))}s"

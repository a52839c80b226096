"""Turns what is published into HTML. Every value is escaped; nothing of it is ever a script."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import (
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    PackageLoader,
    Undefined,
    select_autoescape,
)
from markupsafe import Markup

from monitor.process.text import visible
from monitor.state.labels import ANSWERS, Label
from monitor.web.pages.advice import advice, drifting, features, sentence, short
from monitor.web.pages.bars import bars, channel_bars
from monitor.web.pages.curves import curves
from monitor.web.pages.gallery import NO_EVIDENCE, at_a_glance, of_episode, of_stream
from monitor.web.timeline import Timeline

_SOME: Final = 50
"""Partitions and episodes that are listed; the others are counted, and in the JSON."""

_MOST_SEGMENTS: Final = 100


def shown_text(value: object) -> object:
    """Text as `visible`, with its lines and tabs; all else as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return visible(value, "\n\t")


_environment = Environment(
    finalize=shown_text,
    loader=ChoiceLoader(
        [PackageLoader("monitor.web.pages"), PackageLoader("monitor.web.pages", "static")]
    ),
    autoescape=select_autoescape(default=True),
    undefined=ChainableUndefined,  # there is little to tell while the daemon starts
    trim_blocks=True,
    lstrip_blocks=True,
)


def status_page(
    status: Mapping[str, Any], base: str, runbooks: str, configuration: str, span: str
) -> str:
    """The whole page. base: address that all others start at, or "". runbooks: where they are.

    configuration: as YAML, without secrets. span: of time, that is shown first.
    """
    view = _view(status, runbooks)
    return _render("status.html", base=base, configuration=configuration, span=span, **view)


def sections(status: Mapping[str, Any], runbooks: str, configuration: str) -> str:
    """What of it changes with the stream."""
    view = _view(status, runbooks)
    return _render("sections.html", configuration=configuration, span="hour", **view)


def episode_page(
    status: Mapping[str, Any],
    episode: Mapping[str, Any],
    base: str,
    runbooks: str,
    timeline: Timeline,
    label: Label | None = None,
    token: str = "",
) -> str:
    """All that is known of one episode.

    label: what a person said of it. token: of the form by which one may; "" for no form.
    """
    view = _of_episode(status, episode, runbooks, timeline)
    return _render("episode.html", base=base, label=label, token=token, answers=ANSWERS, **view)


def report(
    status: Mapping[str, Any],
    episode: Mapping[str, Any],
    timeline: Timeline,
    pictures: Mapping[str, str],
) -> str:
    """The same as one file that needs nothing else. status: of a daemon that may not run now.

    pictures: of records, by their ids, as data: addresses.
    """
    view = _of_episode(status, episode, "", timeline)
    return _render("report.html", written=time.time(), pictures=pictures, up="", **view)


def _of_episode(
    status: Mapping[str, Any], episode: Mapping[str, Any], runbooks: str, timeline: Timeline
) -> dict[str, Any]:
    changes = [c for c in status.get("changes", ()) if c.get("episode") == episode["id"]]
    begin, end = (
        datetime.fromisoformat(episode[key] or episode["fired_at"]).timestamp()
        for key in ("onset", "ended_at")
    )
    servers = status.get("servers") or "BROKER"
    return {
        **_view(status, runbooks),
        "changes": changes,
        "episode": episode,
        "curves": curves(timeline.around(begin, end), timeline.lines),
        "gallery": of_episode(status.get("evidence", NO_EVIDENCE), episode["id"], servers),
    }


def replay_page(view: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """What a replay found, as one file that needs nothing else. view: of `monitor.backtest.page`.

    pictures: of records, by their ids, as data: addresses.
    """
    return _render("replay.html", written=time.time(), pictures=pictures, up="", **view)


def _render(template: str, **values: Any) -> str:
    return _environment.get_template(template).render(**values)


def _view(status: Mapping[str, Any], runbooks: str) -> dict[str, Any]:
    """What the templates need."""
    told = advice(status)
    drift = status.get("drift") or {}
    partitions = status.get("partitions", ())
    evidence = status.get("evidence", NO_EVIDENCE)
    segments = (status.get("segments") or {}).get("segments", ())
    episodes = list(status.get("episodes", ()))[::-1]
    lasting = _lasting(drift, episodes)
    return {
        "status": status,
        "drift": drift,
        "model": status.get("model", {}),
        "advice": told,
        "runbook": f"{runbooks.rstrip('/')}/{told.runbook}.md" if runbooks and told.runbook else "",
        "channels": drift.get("channels", ()),
        "bars": bars(status.get("histogram")),
        "partitions": partitions[:_SOME],
        "more_partitions": max(0, len(partitions) - _SOME),
        "segments": segments[:_MOST_SEGMENTS],
        "more_segments": max(0, len(segments) - _MOST_SEGMENTS),
        "began": _began(drift, lasting),
        "glance": at_a_glance(evidence, lasting, drifting(status)) if lasting else [],
        "lag": sum(each["lag_records"] or 0 for each in partitions),
        "episodes": episodes[:_SOME],
        "changes": list(status.get("changes", ()))[::-1],
        "evidence": evidence["mode"],
        "pictured": any(each["picture"] for each in evidence["entries"]),
        "gallery": of_stream(
            evidence,
            status.get("servers") or "BROKER",
            {each["id"]: moment(_start(each)) for each in episodes if not each["ended_at"]},
        ),
    }


def _lasting(
    drift: Mapping[str, Any], episodes: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The episode of the whole stream that lasts; None if there is none. episodes: newest first."""
    if drift.get("state") != "firing":
        return None
    found = (e for e in episodes if not e["ended_at"] and not e.get("segment"))
    return next(found, None)


def _began(drift: Mapping[str, Any], lasting: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """When and where what is told now set in: of an episode, though its kind has turned since."""
    onset = drift.get("onset")
    if lasting is not None:
        return {
            "when": _start(lasting),
            "rows": lasting["rows"],
            "offsets": lasting["onset_offsets"],
        }
    return onset and {
        "when": onset["timestamp"],
        "rows": onset["rows"],
        "offsets": onset["offsets"],
    }


def _start(episode: Mapping[str, Any]) -> str:
    return str(episode["onset"] or episode["fired_at"])


def number(value: float | Undefined | None, digits: int = 3) -> str:
    """With so many digits that count, thousands set off; a dash if it is not known."""
    if value is None or isinstance(value, Undefined) or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.{digits}g}"
    return f"{value:.{digits}g}"


def odds(evidence: float | Undefined | None) -> str:
    """Evidence, log10, as odds."""
    if evidence is None or isinstance(evidence, Undefined):
        return "–"
    return f"10^{evidence:.0f} to 1" if evidence > 6 else f"{number(10.0**evidence, 2)} to 1"


def shown(value: object) -> str:
    """A value of a record: a number, or a text, or nothing."""
    return number(value) if isinstance(value, int | float) else "–" if value is None else str(value)


def percent(value: float | None) -> str:
    """A share in per cent."""
    return "–" if value is None else f"{number(100 * value)} %"


def moment(value: str | float | Undefined | None) -> str:
    """ISO text or seconds since the epoch, as a person reads it, in UTC."""
    if value is None or isinstance(value, Undefined):
        return "–"
    if isinstance(value, str):
        return value.replace("T", " ")[:19]
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """As a person says it."""
    if seconds is None:
        return "–"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


_environment.filters.update(
    number=number,
    percent=percent,
    moment=moment,
    duration=duration,
    odds=odds,
    shown=shown,
    shell=shlex.quote,
    channel_bars=channel_bars,
    short=short,
    sentence=sentence,
    features=features,
)

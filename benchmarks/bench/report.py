"""Results as JSON and as Markdown. A later run replaces the groups that it measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

JSON, MARKDOWN = "results.json", "results.md"
HEAD = """\
# Benchmarks

Written by `make bench`: [results.json](results.json) has every turn. Costs are processor time for
each record, in microseconds: user and system, of all threads. A share says how much of it the bare
parts cost in the same run: 1.00 is as fast as they allow. Median of the turns, smallest and largest
in brackets; "beside" says how many times our cost another takes for the same.
"""
LINE_HEADER = (
    "what", "ours, us", "records/s, core", "wall, us", "bare parts, us", "share", "beside", "notes"
)  # fmt: skip


def write(folder: Path, groups: Mapping[str, dict[str, Any]], order: Iterable[str]) -> Path:
    """Keep these groups, beside those of earlier runs; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / JSON
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update(groups)
    kept = {name: known[name] for name in order if name in known}
    path.write_text(json.dumps(kept, indent=1) + "\n")
    page = folder / MARKDOWN
    page.write_text(markdown(kept))
    return page


def markdown(groups: Mapping[str, dict[str, Any]]) -> str:
    """The page: a section for each group."""
    return HEAD + "".join(section(name, group) for name, group in groups.items())


def section(name: str, group: dict[str, Any]) -> str:
    """A group: where and when, its lines, its tables, and what was skipped."""
    pieces = [f"\n## {name}: {group['title']}\n", _place(group), ""]
    if group["lines"]:
        pieces += table(LINE_HEADER, [_cells(line) for line in group["lines"]])
    for each in group["tables"]:
        pieces += ["", f"{each['title']}:", "", *table(each["header"], each["rows"])]
    pieces += [f"\nNot measured: {reason}." for reason in group["skipped"]]
    return "\n".join(pieces) + "\n"


def _place(group: dict[str, Any]) -> str:
    about, loads = group["about"], group["loads"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    form = "short form, " if group["short"] else ""
    return (
        f"{form}{about['date']}, commit {about['commit']}, {about['cores']} cores of"
        f" {about['processor']}, load {min(loads):.1f} to {max(loads):.1f}; {versions}."
        f" {group['seconds']:.0f} s."
    )


def table(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> list[str]:
    """Lines of a Markdown table."""
    cells = [tuple(header), *(tuple(map(_cell, row)) for row in rows)]
    cells.insert(1, ("---",) * len(cells[0]))
    return ["| " + " | ".join(map(str, row)) + " |" for row in cells]


def _cells(line: dict[str, Any]) -> list[str]:
    ours = sorted(cost["processor"] for cost in line["ours"])
    median = _median(ours)
    return [
        line["name"],
        f"{_cell(median)} ({_cell(ours[0])}-{_cell(ours[-1])})",
        f"{1e6 / median:,.0f}",
        _cell(_median(cost["wall"] for cost in line["ours"])),
        ", ".join(f"{name} {_cell(_of(costs))}" for name, costs in line["parts"].items()),
        "" if line["share"] is None else _spread(line["share"]),
        ", ".join(f"{name} {_spread(times)}" for name, times in line["times"].items()),
        ", ".join(f"{name} {_cell(value)}" for name, value in line["notes"].items()),
    ]


def _of(costs: Iterable[dict[str, float]]) -> float:
    return _median(cost["processor"] for cost in costs)


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _spread(spread: dict[str, float]) -> str:
    digits = 3 if spread["median"] < 0.1 else 2
    return f"{spread['median']:.{digits}f} ({spread['low']:.{digits}f}-{spread['high']:.{digits}f})"


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"

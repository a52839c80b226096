"""How many of the episodes that people labelled were true."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from monitor.retrain_job.evaluation import share

if TYPE_CHECKING:
    from monitor.state.labels import Label


def precision(labels: Mapping[str, Label], remembered: Sequence[str]) -> dict[str, Any]:
    """The share of true ones among true and false, with its 95% interval (Clopper and Pearson).

    labels: by episode, those that are not remembered any more among them. remembered: ids of the
    episodes. The interval takes episodes as independent. `precision` is None without a label.
    """
    counts = Counter(label.answer for label in labels.values())
    decided = counts["true"] + counts["false"]
    found = share(counts["true"], decided) if decided else None
    return {
        "precision": None if found is None else found.value,
        "interval": None if found is None else [found.low, found.high],
        "interval_method": "Clopper-Pearson, 95%",
        "true": counts["true"],
        "false": counts["false"],
        "unknown": counts["unknown"],
        "unlabelled": sum(id not in labels for id in remembered),
    }


def told(labels: Mapping[str, Label], remembered: Sequence[str], *, as_json: bool) -> int:
    """Print it."""
    found = precision(labels, remembered)
    if as_json:
        print(json.dumps(found, indent=2))
        return 0
    counts = f"{found['unknown']} labelled unknown, {found['unlabelled']} not labelled"
    if found["precision"] is None:
        print(f"no episode is labelled true or false; {counts}")
        return 0
    low, high = found["interval"]
    print(
        f"{found['true']} of {found['true'] + found['false']} labelled episodes were true:"
        f" {found['precision']:.0%}, between {low:.0%} and {high:.0%}"
        f" (95% interval of Clopper and Pearson); {counts}"
    )
    return 0

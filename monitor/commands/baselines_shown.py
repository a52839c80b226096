"""The comparison of `evaluate --baselines`, as a table and as a picture."""

from __future__ import annotations

from typing import Any, Final

_TITLES: Final = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "recall": "recall at the threshold",
}


def table(compared: dict[str, Any]) -> str:
    """For a terminal: one line a method, the best ROC AUC first, then what is to be known."""
    lines = [
        f"{'':10}{'roc_auc':>21}{'average_precision':>22}{'recall':>22}"
        f"{'fpr':>8}{'fit s':>9}{'us/record':>11}"
    ]
    for name, each in ranked(compared):
        figures = "".join(f"{_figure(each[measure]):>22}" for measure in _TITLES)
        fit = "-" if each["fit_seconds"] is None else f"{each['fit_seconds']:.2f}"
        lines.append(
            f"{name:9}{figures}{each['false_positive_rate']:8.4f}"
            f"{fit:>9}{each['microseconds_a_record']:11.1f}"
        )
    said = [*compared["notes"]]
    for name, each in compared["methods"].items():
        if "failed" in each:
            said.append(f"{name} was left out: {each['failed']}")
        elif name != "model":
            said += [f"{name}: {note}" for note in each["notes"]]
    return "\n".join([*lines, *(f"note: {text}" for text in said)])


def ranked(compared: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The methods that have figures, the best ROC AUC first."""
    found = [(n, each) for n, each in compared["methods"].items() if "failed" not in each]
    return sorted(found, key=lambda item: -item[1]["roc_auc"]["value"])


def _figure(measure: dict[str, Any]) -> str:
    low, high = measure["interval"]
    return f"{measure['value']:.3f} ({low:.3f}-{high:.3f})"


def draw(compared: dict[str, Any]) -> bytes:
    """PNG: each method's figures with their 95% intervals, the model in a colour of its own."""
    from matplotlib.figure import Figure

    from models import plots

    methods = ranked(compared)[::-1]
    figure = Figure(figsize=(10, 1.6 + 0.34 * len(methods)), layout="constrained")
    for axes, (measure, title) in zip(figure.subplots(1, 3, sharey=True), _TITLES.items(),
                                      strict=True):  # fmt: skip
        for place, (name, each) in enumerate(methods):
            value, (low, high) = each[measure]["value"], each[measure]["interval"]
            colour = plots.ALARM if name == "model" else plots.NORMAL
            axes.plot([low, high], [place, place], color=colour, linewidth=2, alpha=0.6)
            axes.plot([value], [place], "o", color=colour, markersize=6)
        axes.set_yticks(range(len(methods)), [name for name, _ in methods])
        axes.set_ylim(-0.6, len(methods) - 0.4)
        axes.set_title(title, fontsize=10)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(axis="x", alpha=0.3)
    figure.suptitle("The model and other detectors on the same records, with 95% intervals",
                    fontsize=11)  # fmt: skip
    return plots.png(figure)

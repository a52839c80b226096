"""The pictures of docs/drift.md: `python -m benchmarks.drift_pictures`."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.drift import judge_of
from benchmarks.judged import feed
from benchmarks.streams import null
from models import plots
from models.conduct import Conduct
from models.description import Description
from models.recipe import train
from models.reference import Reference
from models.schema import Schema
from models.settings import TrainingSettings
from monitor.cli import main

FOLDER = Path(__file__).parents[1] / "docs" / "experiments"
COLOURS = {"pending": "#f4a259", "firing": plots.ALARM}
BURST, DRIFT, REPAIR, END = 8_000, 20_000, 30_000, 60_000


def timeline() -> bytes:
    """A burst, a drift and its repair, as the judge sees them: PNG."""
    rng = np.random.default_rng(3)
    judge = judge_of(null("lognormal", 20_000, rng), cooldown_seconds=20.0)
    errors = null("lognormal", END, rng)
    errors[BURST : BURST + 1000] *= 5
    errors[DRIFT:REPAIR] *= 1.3
    rows, evidence, threshold, ratio, states = [], [], [], [], []
    for start in range(0, END, 64):
        feed(judge, errors[start : start + 64], first=start)
        verdict = judge.verdict
        rows.append(start + 64)
        evidence.append(verdict.statistic)
        threshold.append(verdict.threshold)
        ratio.append(verdict.quantiles[0.5].value)
        states.append(verdict.state)
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(rows, ratio, color=plots.NORMAL)
    top.axhline(1, color="grey", linestyle=":")
    top.set(ylabel="rolling median error", title="A burst at 8,000, errors 1.3 times larger from"
            " 20,000 to 30,000 (400 records a second)")  # fmt: skip
    bottom.plot(rows, evidence, color="black", linewidth=0.9, label="evidence, log10")
    bottom.plot(rows, threshold, color=plots.ALARM, linestyle="--", linewidth=0.9,
                label="needed for the next step")  # fmt: skip
    bottom.set(xlabel="records", ylabel="log10")
    for axes in (top, bottom):
        for state, colour in COLOURS.items():
            inside = np.array(states) == state
            axes.fill_between(rows, 0, 1, where=inside, color=colour, alpha=0.25,
                              transform=axes.get_xaxis_transform(),
                              label=state, linewidth=0)  # fmt: skip
    bottom.legend(fontsize=8)
    return plots.png(figure)


def floors() -> bytes:
    """The smallest shift that calibration supports, by its size: PNG."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    sizes = np.geomspace(500, 200_000, 40).astype(int)
    for spread in (0.3, 1.0):
        errors = np.exp(spread * np.random.default_rng(0).standard_normal(20_000))
        reference = Reference.calibrate(errors)
        for tolerance, line in ((0.0, ":"), (0.05, "-"), (0.1, "--")):
            floor = [100 * reference.detection_floor(tolerance, int(n)) for n in sizes]
            axes.plot(sizes, floor, line, color=plots.NORMAL if spread == 1 else plots.ALARM,
                      label=f"spread {spread:g}, tolerance {tolerance:.0%}")  # fmt: skip
    axes.set_xscale("log")
    axes.set(xlabel="calibration records", ylabel="smallest shift that can be told, %",
             title="Detection floor (spread: standard deviation of the log error)")  # fmt: skip
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    return plots.png(figure)


SENSORS = ("temperature", "flow", "pressure", "level", "speed", "power")
CHANGES = ("temperature + 0.5 sd", "flow stuck", "power noise 0.5 sd", "level * 1.05",
           "speed + 0.02 sd", "10% of {}")  # fmt: skip


def changes() -> bytes:
    """How soon changes of six sensors, which depend on each other, are found: PNG."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((2, 6))

    def rows(count: int) -> NDArray[np.float64]:
        common = rng.standard_normal((count, 2)) @ mixing
        own = 0.3 * rng.standard_normal((count, 6))
        return np.asarray([20, 3, 100, 7, 500, 50] + [2, 1, 5, 3, 10, 4] * (common + own))

    with TemporaryDirectory() as folder:
        model, data, odd = (Path(folder, name) for name in ("model", "data.npy", "anomalies.npy"))
        settings = TrainingSettings(epochs=20, device="cpu", ordered=True)
        described = Description(Schema.numbers(SENSORS))
        train(rows(20_000), model, settings, Conduct(card=False), described)
        np.save(data, rows(5000))
        np.save(odd, rows(500) * rng.uniform(0.8, 1.2, (500, 6)))
        asked = [part for each in CHANGES for part in ("--change", each.format(odd.name))]
        with chdir(folder):
            main(["simulate", "--bundle", "model", "--data", data.name, "--channels", "standard",
                  "--false-alarms", "1 per 30d", "--rate", "200", *asked])  # fmt: skip
            return Path("simulation.png").read_bytes()


if __name__ == "__main__":
    (FOLDER / "simulated-changes.png").write_bytes(changes())
    (FOLDER / "drift-timeline.png").write_bytes(timeline())
    (FOLDER / "drift-floor.png").write_bytes(floors())

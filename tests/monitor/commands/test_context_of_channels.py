"""A model whose channels swing over the day, from `train` on, as a user meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle import load
from monitor.cli import main
from monitor.config.file import load as read_config
from monitor.daemon.assembly.model import about_model, build_scorer
from tests.models.swinging import DAY, MONDAY
from tests.monitor.commands.test_context import config

N, STEP = 6000, 432_000
"""Records, and milliseconds between two: 200 a day, 30 days."""


def write(path: Path, when: NDArray[np.int64], seed: int, offset: float = 0.0) -> Path:
    """Four columns that follow from one number, which swings over the day, but for a noise."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(when.size) + 1.5 * np.sin(2 * np.pi * when / DAY)
    x = common[:, None] + 0.2 * rng.standard_normal((when.size, 4)) + offset
    stamps = np.datetime_as_string(when.astype("datetime64[ms]"), unit="s")
    rows = [",".join([at, *(f"{v:.5f}" for v in row)]) for at, row in zip(stamps, x, strict=True)]
    path.write_text("\n".join(["at,a,b,c,d", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plant")
    data = write(folder / "normal.csv", MONDAY + np.arange(N) * STEP, 0)
    given = ["--data", str(data), "--arch", "dense", "--epochs", "20", "--time", "at",
             "--calibration-fraction", "0.5"]  # fmt: skip
    assert main(["train", *given, "--out", str(folder / "model"), "--context", "auto"]) == 0
    assert main(["train", *given, "--out", str(folder / "plain")]) == 0
    return folder


def stream(folder: Path, offset: float = 0.0) -> Path:
    when = MONDAY + 40 * DAY + np.arange(20_000) * DAY // 10_000
    return write(folder / "stream.csv", when, 1, offset)


def replayed(plant: Path, model: str, data: Path, folder: Path) -> list[dict[str, object]]:
    given = ["--config", str(config(folder, plant / model, "standard")), "--data", str(data)]
    assert main(["replay", *given, "--time-column", "at", "--out", str(folder / "out")]) == 0
    found: list[dict[str, object]] = json.loads((folder / "out/replay.json").read_text())[
        "episodes"
    ]
    return found


def test_train_and_check_bundle_say_which_channels_swing(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-bundle", str(plant / "model")]) == 0
    printed = capsys.readouterr().out
    context = load(plant / "model").channels
    assert context is not None
    assert context.context is not None
    assert f"hour of the day (UTC), of {context.context.kept.size} channels" in printed
    assert main(["check-bundle", str(plant / "plain")]) == 0
    assert "hour of the day" not in capsys.readouterr().out
    data = write(tmp_path / "again.csv", MONDAY + np.arange(N) * STEP, 0)
    words = ["--data", str(data), "--arch", "dense", "--epochs", "1", "--time", "at"]
    assert main(["train", *words, "--out", str(tmp_path / "m"), "--context", "hour"]) == 0
    assert "channels are judged by the hour (UTC): " in capsys.readouterr().out


@pytest.mark.parametrize("read", [None, 5, {}, {"channels": None}, {"channels": {}},
                                  {"channels": {"left_out": 1, "first_left_out": 5}}])  # fmt: skip
def test_the_status_page_is_told_which_channels_are_judged_by_the_hour_or_left_out(
    plant: Path, tmp_path: Path, read: object
) -> None:
    bundle = load(plant / "model")
    asked = read_config(str(config(tmp_path, plant / "model", "standard")))
    known = bundle.channels
    assert known is not None
    assert known.context is not None
    told = about_model(asked, build_scorer(asked, bundle, known))["drift_settings"]
    assert len(told["channels_by_hour"]["channels"]) == known.context.kept.size
    left_out = bundle.metadata["context"]["channels"]["first_left_out"]
    assert left_out
    assert told["channels_left_out"]["first"] == left_out
    other = replace(bundle, metadata={**bundle.metadata, "context": read})
    told = about_model(asked, build_scorer(asked, other, known))["drift_settings"]
    assert "channels_left_out" not in told


def test_a_swing_of_the_inputs_is_drift_without_the_hour_and_not_with_it(
    plant: Path, tmp_path: Path
) -> None:
    data = stream(tmp_path)
    assert replayed(plant, "plain", data, tmp_path)
    assert replayed(plant, "model", data, tmp_path) == []


def test_a_change_on_top_of_the_swing_is_named(plant: Path, tmp_path: Path) -> None:
    episode = replayed(plant, "model", stream(tmp_path, offset=1.0), tmp_path)[0]
    assert episode["drift_kind"] in {"input", "error"}
    channels = episode["moved"]
    assert isinstance(channels, list)
    assert channels[0]["feature"] in {"a", "b", "c", "d"}
    assert channels[0]["direction"] == "higher"


def test_replay_and_simulate_make_up_no_hours(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = stream(tmp_path)
    rows = [line.split(",", 1)[1] for line in data.read_text().splitlines()]
    data.write_text("\n".join(rows) + "\n")
    given = ["--config", str(config(tmp_path, plant / "model", "standard")), "--data", str(data)]
    assert main(["replay", *given, "--rate", "5"]) == 2
    assert "which a rate does not tell" in capsys.readouterr().err
    words = ["simulate", "--bundle", str(plant / "model"), "--data", str(data), "--repeats", "1",
             "--records", "30000", "--block", "1", "--change", "a + 2 sd"]  # fmt: skip
    assert main([*words, "--channels", "standard"]) == 2
    assert "'at'" in capsys.readouterr().err


def test_simulate_judges_changed_records_by_their_hour(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", "--bundle", str(plant / "model"), "--data", str(stream(tmp_path)),
             "--time", "at", "--records", "30000", "--repeats", "2", "--block", "1",
             "--channels", "standard", "--change", "a + 2 sd"]  # fmt: skip
    assert main([*words, "--out", str(tmp_path / "simulated")]) == 0
    assert "0 false alarms" in capsys.readouterr().out
    (change,) = json.loads((tmp_path / "simulated" / "simulation.json").read_text())["changes"]
    assert change["found"] == 1

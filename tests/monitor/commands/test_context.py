"""A model that judges errors by the hour, from `train` on, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from models.bundle import load
from monitor.cli import main
from tests.models.swinging import DAY, MONDAY, swing

N, STEP = 6000, 432_000
"""Records, and milliseconds between two: 200 a day, 30 days."""
SWING = 1.0


def moments(count: int, first: int = 0) -> NDArray[np.int64]:
    return np.asarray(MONDAY + (first + np.arange(count)) * STEP)


def write(path: Path, when: NDArray[np.int64], amplitude: float, seed: int, **more: float) -> Path:
    """Three columns, of which one follows from the others but for a noise that swings."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((when.size, 2))
    noise = 0.2 * swing(when, amplitude) * rng.standard_normal(when.size)
    c = x.sum(axis=1) + more.get("factor", 1.0) * noise
    stamps = np.datetime_as_string(when.astype("datetime64[ms]"), unit="s")
    lines = [f"{at},{a:.6f},{b:.6f},{c:.6f}" for at, (a, b), c in zip(stamps, x, c, strict=True)]
    path.write_text("\n".join(["at,a,b,c", *lines]) + "\n")
    return path


def train(data: Path, out: Path, *more: str) -> int:
    given = ["--data", str(data), "--out", str(out), "--arch", "linear", "--time", "at"]
    return main(["train", *given, "--calibration-fraction", "0.5", *more])


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plant")
    data = write(folder / "normal.csv", moments(N), SWING, 0)
    assert train(data, folder / "model", "--context", "auto") == 0
    assert train(data, folder / "plain") == 0
    return folder


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of many records: the swing alone."""
    when = MONDAY + 40 * DAY + np.arange(40_000) * DAY // 20_000
    return write(tmp_path_factory.mktemp("stream") / "stream.csv", when, SWING, 1)


def config(folder: Path, model: Path, channels: str = "off") -> Path:
    path = folder / "aead-monitor.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "model": str(model),
                "kafka": {"topic": "in"},
                "codec": {"name": "json"},
                "drift": {
                    "false_alarms": "1 per 1000000 records",
                    "guard_seconds": 0,
                    "channels": channels,
                },
                "state": {"directory": str(folder / "state")},
            }
        )
    )
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


def test_what_the_check_decided_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swinging = write(tmp_path / "a.csv", moments(N), SWING, 0)
    assert train(swinging, tmp_path / "a", "--context", "auto") == 0
    assert "context      the hour of the day (UTC): errors swing by" in capsys.readouterr().out
    calm = write(tmp_path / "b.csv", moments(N), 0.0, 0)
    assert train(calm, tmp_path / "b", "--context", "auto") == 0
    assert "context      none: no cycle that held-out days agree on" in capsys.readouterr().out
    assert load(tmp_path / "b").context is None


def test_without_context_nothing_is_said(plant: Path) -> None:
    bundle = load(plant / "plain")
    assert bundle.context is None
    assert "context" not in bundle.metadata


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--context", "auto"], "--context needs --time NAME"),
        (["--time-unit", "ms", "--time", "at"], "--time-unit is for --context"),
        (["--context", "hour", "--time", "a", "--drop", "at"], "is no time"),
    ],
)
def test_what_says_nothing_sensible_is_refused(
    given: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,at,b\nx,2026-01-01,1\n" + "y,2026-01-02,2\n" * 60)
    common = ["train", "--data", str(data), "--out", str(tmp_path / "model")]
    assert words in refused(capsys, *common, *given)


def test_numbers_in_milliseconds_need_their_unit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.csv"
    rows = [f"{at},{i % 7},{i % 5}" for i, at in enumerate(moments(500).tolist())]
    data.write_text("\n".join(["at,a,b", *rows]))
    common = ["train", "--data", str(data), "--out", str(tmp_path / "m"), "--time", "at",
              "--arch", "linear", "--context", "auto"]  # fmt: skip
    assert "--time-unit ms, us or ns" in refused(capsys, *common)
    assert main([*common, "--time-unit", "ms"]) == 0


def test_replay_knows_the_hour_of_each_record(
    plant: Path, stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, alarms in (("model", False), ("plain", True)):
        given = ["--config", str(config(tmp_path, plant / name)), "--data", str(stream)]
        assert main(["replay", *given, "--out", str(tmp_path / name)]) == 0
        capsys.readouterr()
        document = json.loads((tmp_path / name / "replay.json").read_text())
        assert bool(document["episodes"]) == alarms


def test_replay_finds_a_change_on_top_of_the_swing(plant: Path, tmp_path: Path) -> None:
    when = MONDAY + 40 * DAY + np.arange(20_000) * DAY // 20_000
    data = write(tmp_path / "changed.csv", when, SWING, 2, factor=1.4)
    given = ["--config", str(config(tmp_path, plant / "model")), "--data", str(data)]
    assert main(["replay", *given, "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "replay.json").read_text())["episodes"]


def test_replay_makes_up_no_hours(
    plant: Path, stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--config", str(config(tmp_path, plant / "model")), "--data", str(stream)]
    assert "which a rate does not tell" in refused(capsys, "replay", *given, "--rate", "5")


def test_simulate_takes_the_adjusted_errors_and_no_others(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "errors.npy", np.ones(100))
    bundle = str(plant / "model")
    common = ["simulate", "--bundle", bundle, "--records", "20000", "--repeats", "1"]
    text = refused(capsys, *common, "--errors", str(tmp_path / "errors.npy"))
    assert "judges errors by the hour" in text
    assert main([*common, "--out", str(tmp_path)]) == 0
    assert "no drift     0 false alarms" in capsys.readouterr().out


def test_simulate_changes_records_at_their_hour(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "held-out.csv", moments(N, N), SWING, 3)
    given = ["simulate", "--bundle", str(plant / "model"), "--data", str(data), "--block", "1",
             "--records", "50000", "--repeats", "2", "--change", "c + 2 sd"]  # fmt: skip
    assert main([*given, "--out", str(tmp_path)]) == 0
    assert "0 false alarms" in capsys.readouterr().out


def test_score_and_its_threshold_do_not_know_the_hour(plant: Path, tmp_path: Path) -> None:
    model, plain = load(plant / "model"), load(plant / "plain")
    assert model.reference.threshold == plain.reference.threshold
    data = write(tmp_path / "new.csv", moments(300, N), SWING, 4)
    for name in ("model", "plain"):
        out = tmp_path / f"{name}.csv"
        assert main(["score", str(plant / name), "--data", str(data), "--out", str(out)]) == 0
    assert (tmp_path / "model.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_a_grid_of_a_replay_judges_by_the_hour_where_the_model_does(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    when = MONDAY + 40 * DAY + np.arange(20_000) * DAY // 20_000
    data = write(tmp_path / "changed.csv", when, SWING, 2, factor=1.4)
    changes = tmp_path / "changes.csv"
    changes.write_text("begin,name\n0,larger\n")
    models = f"model={plant / 'plain'},{plant / 'model'}"
    words = ["--config", str(config(tmp_path, plant / "model")), "--data", str(data)]
    words += ["--time-column", "at", "--changes", str(changes), "--grid", models, "--json"]
    assert main(["replay", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    plain, own = found["grid"]
    (told,) = found["true_changes"]["changes"]
    assert own["delays_records"] == [told["delay_records"]] != [None]
    assert own["alarms"] == found["alarms"]["count"]
    assert own["passing_suspicions"] == found["alarms"]["passing_suspicions"]
    assert plain["delays_records"] != own["delays_records"]

"""A model that judges by a column, from `train` on, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import structlog
import yaml
from prometheus_client import CollectorRegistry, Counter

from models.bundle import load
from models.settings import TrainingSettings
from monitor.cli import main
from monitor.config import file
from monitor.daemon.assembly.judge import channels_of
from monitor.daemon.assembly.model import about_model, build_scorer
from monitor.daemon.context_watch import ColumnWatch
from monitor.metrics.context import ContextMetrics
from monitor.retrain_job import candidate
from monitor.retrain_job.replay import judged_errors

KINDS = ("A", "B", "C")
BASE = np.array([0.0, 3.0, -3.0])


def write(
    path: Path, count: int, seed: int, shares: tuple[float, ...], offset: float = 0.0
) -> Path:
    """A weight that is another one for each kind, and a reading whose noise is, too."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, count, p=shares)
    weight = BASE[kind] + 0.3 * rng.standard_normal(count) + offset
    reading = np.exp(kind) * rng.standard_normal(count)
    lines = [
        f"{KINDS[k]},{w:.5f},{r:.5f},{n:.5f}"
        for k, w, r, n in zip(kind, weight, reading, rng.standard_normal(count), strict=True)
    ]
    path.write_text("\n".join(["kind,weight,reading,noise", *lines]) + "\n")
    return path


USUAL, OTHER = (0.5, 0.3, 0.2), (0.2, 0.3, 0.5)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plant")
    data = write(folder / "normal.csv", 12_000, 0, USUAL)
    given = ["train", "--data", str(data), "--arch", "linear", "--calibration-fraction", "0.4"]
    assert main([*given, "--context", "field:kind", "--out", str(folder / "model")]) == 0
    assert main([*given, "--out", str(folder / "plain")]) == 0
    write(folder / "other.csv", 20_000, 1, OTHER)
    write(folder / "moved.csv", 6000, 2, OTHER, offset=0.3)
    return folder


def config(folder: Path, model: Path, channels: object) -> Path:
    path = folder / "aead-monitor.yaml"
    drift = {"false_alarms": "1 per 1000000 records", "guard_seconds": 0, "channels": channels}
    settings = {
        "model": str(model), "kafka": {"topic": "in"}, "codec": {"name": "json"}, "drift": drift,
        "state": {"directory": str(folder / "state")},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings))
    return path


def episodes(
    plant: Path, folder: Path, model: str, data: str, channels: object
) -> list[dict[str, object]]:
    """What a replay would have told."""
    given = ["--config", str(config(folder, plant / model, channels)), "--data", str(plant / data)]
    assert main(["replay", *given, "--rate", "10", "--out", str(folder / "out")]) == 0
    found = json.loads((folder / "out" / "replay.json").read_text())["episodes"]
    assert isinstance(found, list)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


WATCHED = ["weight", "reading", "noise"]


@pytest.mark.parametrize("channels", ["off", WATCHED])
def test_another_mix_of_known_kinds_is_drift_without_the_column_and_not_with_it(
    plant: Path, tmp_path: Path, channels: object
) -> None:
    assert episodes(plant, tmp_path, "plain", "other.csv", channels)
    assert episodes(plant, tmp_path, "model", "other.csv", channels) == []


def test_a_change_of_all_kinds_is_found_and_named(plant: Path, tmp_path: Path) -> None:
    (found, *_) = episodes(plant, tmp_path, "model", "moved.csv", WATCHED)
    moved = found["moved"]
    assert isinstance(moved, list)
    assert (moved[0]["feature"], moved[0]["direction"]) == ("weight", "higher")


def test_the_column_itself_is_still_watched(plant: Path, tmp_path: Path) -> None:
    (found, *_) = episodes(plant, tmp_path, "model", "other.csv", ["kind=*"])
    moved = found["moved"]
    assert isinstance(moved, list)
    assert str(moved[0]["channel"]).startswith("kind=")


def test_train_check_bundle_and_status_say_the_column(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-bundle", str(plant / "model")]) == 0
    assert "column kind, of " in capsys.readouterr().out
    asked = file.load(str(config(tmp_path, plant / "model", "standard")), None)
    bundle = load(plant / "model")
    told = about_model(asked, build_scorer(asked, bundle, channels_of(asked, bundle)))
    assert told["drift_settings"]["context_column"] == "kind"
    data = ["--data", str(plant / "other.csv"), "--arch", "linear"]
    words = ["train", *data, "--context", "field:kind", "--out", str(tmp_path / "again")]
    assert main(words) == 0
    assert "the column kind: errors swing by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--context", "field:colour"], "no feature 'colour'; there are 'kind', 'weight'"),
        (["--context", "field:kind", "--time-unit", "s"], "--time-unit is for --context"),
    ],
)
def test_what_cannot_be_is_refused(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], words: str
) -> None:
    common = ["train", "--data", str(plant / "other.csv"), "--out", str(tmp_path / "m")]
    assert words in refused(capsys, *common, *given)


@pytest.mark.parametrize("text", ["filed:kind", "field:", "kind", ""])
def test_other_words_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--data", "x.csv", "--out", "m", "--context", text])
    assert "auto, hour, week or field:NAME" in capsys.readouterr().err


def test_simulate_judges_changed_records_by_the_column(
    plant: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["simulate", "--bundle", str(plant / "model"), "--data", str(plant / "other.csv"),
             "--block", "1", "--records", "30000", "--repeats", "2", "--channels", *WATCHED,
             "--change", "weight + 1 sd"]  # fmt: skip
    assert main([*given, "--out", str(tmp_path)]) == 0
    assert "0 false alarms" in capsys.readouterr().out


def test_rows_with_a_value_that_calibration_had_not_are_counted_and_told() -> None:
    registry, now = CollectorRegistry(), [0.0]

    def counter(name: str, text: str, **labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, list(labels), registry=registry)

    metrics, watch = ContextMetrics(counter), ColumnWatch(lambda: now[0])
    with structlog.testing.capture_logs() as logs:
        for cells in (None, np.array([0, 3]), np.array([-1, 2, -1]), np.array([-1])):
            metrics.count_cells(cells)
            watch.look(cells)
        now[0] = 3601.0
        watch.look(np.array([1]))
    counted = {
        value: registry.get_sample_value("context_column_rows_total", {"value": value})
        for value in ("known", "unknown")
    }
    assert counted == {"known": 3, "unknown": 3}
    assert [(each["rows"], each["unknown"]) for each in logs] == [(5, 2), (2, 1)]


def test_a_candidate_is_judged_by_the_column_unless_it_stands_still_or_records_are_few(
    plant: Path, tmp_path: Path
) -> None:
    bundle = load(plant / "model")
    rng = np.random.default_rng(3)
    kind = rng.choice(3, 4000, p=OTHER)
    rows = np.column_stack([kind, BASE[kind] + rng.standard_normal(4000), rng.random((4000, 2))])
    still = rows.copy()
    still[:, 0] = 1
    for name, records, known in (("all", rows, True), ("still", still, False),
                                 ("few", rows[:400], False)):  # fmt: skip
        settings = TrainingSettings("linear", calibration_fraction=0.4)
        ready = candidate.material(records, None, 0.0, settings)
        made = candidate.train(
            ready, settings, 0.0, tmp_path / name, "here", None, bundle.input_spec,
            context="field:kind",
        ).bundle  # fmt: skip
        assert (made.column is not None) == known
        errors = np.ones(3)
        judged = judged_errors(made, errors, records[:3], np.full(3, -1))
        assert (judged.tolist() != errors.tolist()) == known

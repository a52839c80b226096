"""`aead-monitor wrap`: scikit-learn's forest in a bundle, through every command and the daemon."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import IsolationForest

from models.bundle import load
from monitor.cli import main
from monitor.config import Config
from monitor.daemon.assembly.loaded_model import build_model, load_tried
from monitor.stream.records import Record
from monitor.stream.sinks.memory import MemorySink
from monitor.stream.sources.memory import MemorySource
from tests.models.scorers import distance, written
from tests.monitor.commands.conftest import FEATURES, machine
from tests.monitor.daemon.daemons import assemble, turns

MORE = ["--output", "scores", "--anomalous", "low"]


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    """The folder with a forest in ONNX, and the forest."""
    folder = tmp_path_factory.mktemp("forest")
    fitted = IsolationForest(n_estimators=50, random_state=0).fit(machine(500))
    made = to_onnx(fitted, machine(1).astype(np.float32), target_opset={"": 18, "ai.onnx.ml": 3})
    (folder / "forest.onnx").write_bytes(made.SerializeToString())
    pd.DataFrame(machine(3000, seed=1), columns=FEATURES).to_csv(folder / "normal.csv", index=False)
    return folder, fitted


@pytest.fixture(scope="module")
def forest_bundle(forest):
    folder = forest[0]
    data = ["--data", str(folder / "normal.csv"), "--out", str(folder / "model"), "--ordered"]
    assert main(["wrap", str(folder / "forest.onnx"), *data, *MORE]) == 0
    return folder / "model"


def test_score_ranks_as_the_forest_does(forest, forest_bundle, tmp_path):
    records = np.concatenate([machine(200, seed=2), machine(20, seed=3) + 1.5])
    records = records.astype(np.float32)
    pd.DataFrame(records, columns=FEATURES).to_csv(tmp_path / "today.csv", index=False)
    arguments = ["--data", str(tmp_path / "today.csv"), "--out", str(tmp_path / "scores.csv")]
    assert main(["score", str(forest_bundle), *arguments]) == 0
    errors = pd.read_csv(tmp_path / "scores.csv")["reconstruction_error"].to_numpy()
    theirs = -forest[1].decision_function(records)
    order = np.argsort(theirs)
    assert (np.diff(errors[order]) >= -1e-3).all()
    assert load(forest_bundle).model.settings["scale"] == "surprisal"


def test_evaluate_simulate_and_check_bundle_take_it(forest_bundle, tmp_path, capsys):
    np.save(tmp_path / "normal.npy", machine(300, seed=4))
    np.save(tmp_path / "odd.npy", machine(100, seed=5) + 2)
    files = ["--normal", str(tmp_path / "normal.npy"), "--anomalous", str(tmp_path / "odd.npy")]
    assert main(["evaluate", str(forest_bundle), *files, "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["roc_auc"] > 0.95
    more = ["--records", "20000", "--repeats", "1", "--out", str(tmp_path / "simulated")]
    arguments = ["--bundle", str(forest_bundle), "--false-alarms", "1 per 30d", "--rate", "100"]
    assert main(["simulate", *arguments, *more]) == 0
    capsys.readouterr()
    assert main(["check-bundle", str(forest_bundle)]) == 0
    assert "onnx" in capsys.readouterr().out


def config(bundle: Path, folder: Path, **drift: object) -> Config:
    return Config(
        model=bundle,
        kafka={"bootstrap_servers": "127.0.0.1:1", "topic": "in"},
        codec={"name": "json"},
        device="cpu",
        drift={"guard_seconds": 0, **drift},
        state={"directory": folder},
    )  # fmt: skip


def stream(records: np.ndarray, first: int) -> list[Record]:
    return [
        Record("in", 0, i, 1_700_000_000_000 + 10 * i, b"k", json.dumps(row).encode())
        for i, row in enumerate(records.tolist(), start=first)
    ]


@pytest.mark.parametrize("channels", ["off", "standard"])
def test_the_daemon_judges_its_errors(forest_bundle, tmp_path, channels):
    settings = config(forest_bundle, tmp_path / "state", channels=channels)
    load_tried(settings, forest_bundle)
    model = build_model(settings, load(forest_bundle))
    source = MemorySource(stream(machine(1500, seed=6), 0))
    sink = MemorySink()
    daemon = assemble(source, sink, model=model)
    try:
        turns(daemon, 16)
        assert daemon.parts.pipeline.judge.verdict.state in ("ok", "learning")
        source.append(stream(machine(3000, seed=7) + 1.0, 1500))
        turns(daemon, 31)
        assert daemon.parts.pipeline.judge.verdict.state == "firing"
        registry = daemon.parts.metrics.registry
        assert registry.get_sample_value("aead_monitor_drift_state", {"state": "firing"}) == 1
        assert daemon.parts.board.published["drift"]["state"] == "firing"  # the status page's
    finally:
        daemon.parts.web.stop()
    assert any(b"in/0/" in event.identity for event in sink.flushed)


def test_a_montage_is_refused_before_any_work(forest_bundle, tmp_path, refused):
    np.save(tmp_path / "rows.npy", machine(10))
    line = refused(
        "score", forest_bundle, "--data", tmp_path / "rows.npy", "--out", tmp_path / "scores.csv",
        "--montage", tmp_path / "top.png",
    )  # fmt: skip
    assert "a wrapped scorer makes none" in line


def test_what_carries_an_error_is_refused_before_any_work(forest_bundle, tmp_path, refused):
    np.save(tmp_path / "rows.npy", machine(10))
    line = refused(
        "score", forest_bundle, "--data", tmp_path / "rows.npy", "--out", tmp_path / "scores.csv",
        "--explain", "3",
    )  # fmt: skip
    assert "--explain: a wrapped scorer says no more of a record than its error" in line
    assert not (tmp_path / "scores.csv").exists()


def test_it_says_what_it_did(tmp_path, capsys):
    scorer = written(distance([0, 0, 0, 0]), tmp_path / "scorer.onnx")
    np.save(tmp_path / "normal.npy", machine(300))
    data = ["--data", str(tmp_path / "normal.npy"), "--out", str(tmp_path / "model")]
    assert main(["wrap", str(scorer), *data]) == 0
    out = capsys.readouterr().out
    assert "error        the score; high scores are anomalous" in out
    assert "150 calibration records" in out
    assert load(tmp_path / "model").metadata["data"]["read"]


def test_the_output_must_be_named_where_there_are_several(forest, tmp_path, capsys):
    folder = forest[0]
    data = ["--data", str(folder / "normal.csv"), "--out", str(tmp_path / "model")]
    assert main(["wrap", str(folder / "forest.onnx"), *data]) == 2
    assert "2 outputs: label, scores. Say --output NAME" in capsys.readouterr().err
    assert main(["wrap", str(folder / "forest.onnx"), *data, "--output", "label"]) == 2
    assert "not a score" in capsys.readouterr().err


def test_a_retraining_asks_for_an_architecture(forest_bundle):
    from monitor.errors import DataError
    from monitor.retrain_job.settings import settings_for

    with pytest.raises(DataError, match="architecture: ladder"):
        settings_for(load(forest_bundle), 1000, None, "cpu")

"""`aead-monitor evaluate --baselines` as a user meets it."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from models import baselines
from models.baselines import BASELINES
from models.bundle import load
from models.conduct import Conduct
from models.recipe import train
from models.settings import TrainingSettings
from models.splits import split
from monitor.cli import main
from monitor.commands import baselines as command
from monitor.commands.baselines_shown import draw
from tests.data import digit_images
from tests.monitor.commands.conftest import machine


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a bundle, what it was trained on, and records to test with."""
    folder = tmp_path_factory.mktemp("baselines")
    np.save(folder / "train.npy", machine(400))
    np.save(folder / "normal.npy", machine(300, seed=4))
    odd = machine(80, seed=5) + np.random.default_rng(0).normal(0, 0.4, (80, 4))
    np.save(folder / "odd.npy", odd)
    train(
        machine(400), folder / "model", TrainingSettings(architecture="ladder"), Conduct(card=False)
    )
    return folder


def arguments(place, out, *more):
    files = ["--normal", place / "normal.npy", "--anomalous", place / "odd.npy", "--out", out]
    return ["evaluate", *map(str, [place / "model", *files, *more])]


def compared(place, out, names, *more):
    asked = ("--baselines", names, "--train-data", place / "train.npy", *more)
    assert main(arguments(place, out, *asked)) == 0
    return json.loads((out / "evaluation.json").read_text())["baselines"]


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """The comparison with all of them, and where it lies."""
    out = tmp_path_factory.mktemp("out")
    return compared(place, out, ",".join(BASELINES)), out


def test_all_are_compared_on_the_same_records(whole):
    found, _ = whole
    assert list(found["methods"]) == ["model", *BASELINES]
    assert found["notes"] == []
    for name, each in found["methods"].items():
        for measure in ("roc_auc", "average_precision", "recall"):
            low, high = each[measure]["interval"]
            assert 0 <= low <= each[measure]["value"] <= high <= 1, (name, measure)
        assert each["microseconds_a_record"] > 0
        assert each["roc_auc"]["value"] > 0.5, name
    assert all("model_ahead" in each for n, each in found["methods"].items() if n != "model")


def test_a_baseline_is_what_its_library_gives(whole, place):
    found, _ = whole
    spec = load(place / "model").input_spec
    parts = split(400, TrainingSettings())
    rows = np.sort(np.concatenate([parts.training, parts.validation]))
    fitted = IsolationForest(random_state=0).fit(spec.prepare(machine(400)[rows]))
    tested = [np.load(place / f"{name}.npy") for name in ("normal", "odd")]
    scores = np.concatenate([-fitted.decision_function(spec.prepare(each)) for each in tested])
    labels = np.repeat([0, 1], [300, 80])
    assert found["methods"]["iforest"]["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(labels, scores)
    )
    assert found["methods"]["iforest"]["fitted_on"] == len(rows)


def test_the_model_has_the_figures_of_the_evaluation(whole):
    found, out = whole
    result = json.loads((out / "evaluation.json").read_text())
    own = found["methods"]["model"]
    assert own["roc_auc"]["value"] == pytest.approx(result["roc_auc"])
    assert own["average_precision"]["value"] == pytest.approx(result["average_precision"])
    assert own["recall"]["value"] == pytest.approx(result["recall"])
    assert own["false_positive_rate"] == pytest.approx(result["false_positive_rate"])


def test_the_picture_and_the_table_are_there(place, tmp_path, capsys):
    compared(place, tmp_path, "iforest,pca")
    with Image.open(io.BytesIO((tmp_path / "baselines.png").read_bytes())) as image:
        assert image.format == "PNG"
    lines = capsys.readouterr().out.splitlines()
    header = next(i for i, line in enumerate(lines) if "us/record" in line)
    assert {line.split()[0] for line in lines[header + 1 :]} == {"model", "iforest", "pca"}
    assert any("baselines.png" in line for line in lines[:header])


def test_without_baselines_nothing_is_new(place, tmp_path):
    assert main(arguments(place, tmp_path)) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", "errors.png"}
    assert "baselines" not in json.loads((tmp_path / "evaluation.json").read_text())


def test_other_training_records_are_told(place, tmp_path):
    other = place / "other.npy"
    np.save(other, machine(200, seed=9))
    found = compared(place, tmp_path, "pca", "--train-data", other)
    assert "not the very records" in found["notes"][0]


def test_large_data_are_thinned_and_it_is_said(place, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "MOST_TEST", 50)
    few = baselines.Baseline(BASELINES["lof"].place, BASELINES["lof"].settings, 100)
    monkeypatch.setitem(baselines.BASELINES, "lof", few)
    found = compared(place, tmp_path, "lof")
    assert found["methods"]["lof"]["fitted_on"] == 100
    assert "fitted on 100 of 320 records" in found["methods"]["lof"]["notes"][0]
    assert found["notes"] == [
        "compared on 50 of 300 normal and 50 of 80 anomalous records, evenly chosen"
    ]


def test_one_that_does_not_take_the_records_is_left_out_and_said(tmp_path, capsys):
    images = np.repeat(np.repeat(digit_images(120), 2, 1), 2, 2)  # 256 pixels
    train(images[:60], tmp_path / "model", TrainingSettings(epochs=2), Conduct(card=False))
    for name, rows in (("train", images[:60]), ("normal", images[60:]), ("odd", 240 - images)):
        np.save(tmp_path / f"{name}.npy", rows)
    found = compared(tmp_path, tmp_path / "out", "elliptic,pca")
    assert "at most 200 columns" in found["methods"]["elliptic"]["failed"]
    assert "elliptic was left out" in capsys.readouterr().out
    assert draw(found).startswith(b"\x89PNG")


def test_unknown_names_are_refused_with_the_list(place, tmp_path, refused):
    line = refused(*arguments(place, tmp_path, "--baselines", "iforest,forest"))
    assert "unknown 'forest'; known are iforest, lof, ocsvm, elliptic, knn, ecod" in line


def test_the_training_records_must_be_given(place, tmp_path, refused):
    assert "a bundle holds no records" in refused(
        *arguments(place, tmp_path, "--baselines", "iforest")
    )
    line = refused(*arguments(place, tmp_path, "--train-data", place / "train.npy"))
    assert "--train-data is for --baselines" in line

"""`aead-monitor evaluate` as a user meets it."""

import json

import numpy as np
import pytest
from PIL import Image

from models.bundle import load
from models.reference import Reference
from monitor.cli import main
from monitor.commands.evaluate import draw, measure
from monitor.stream.records import Scores


@pytest.fixture
def evaluate(digits_bundle, digits_file, tmp_path):
    """Runs the command on digits against noise, and returns evaluation.json."""

    def run(*more):
        data = f"{digits_file}:x"
        arguments = ["--normal", data, "--normal-where", "y=0", "--out", str(tmp_path / "out")]
        arguments += ["--anomalous", data, "--anomalous-where", "y=1", *more]
        assert main(["evaluate", str(digits_bundle), *arguments]) == 0
        return json.loads((tmp_path / "out" / "evaluation.json").read_text())

    return run


def test_noise_is_told_from_digits_and_everything_is_written(
    evaluate, digits_bundle, tmp_path, capsys
):
    result = evaluate()
    assert result["roc_auc"] == result["average_precision"] == result["recall"] == 1
    assert result["precision"] > 0.5
    assert result["threshold"] == load(digits_bundle).reference.threshold
    assert result["normal"]["records"] == 597
    assert result["anomalous"] == {"records": 20, "flagged": 20}
    with Image.open(tmp_path / "out" / "errors.png") as image:
        assert image.format == "PNG"
    printed = capsys.readouterr().out
    for name in ("roc_auc", "average_precision", "precision", "recall", "threshold"):
        assert name in printed
    assert "evaluation.json" in printed


def scores(errors, reference):
    errors = np.asarray(errors, dtype=np.float64)
    ranked = np.minimum(errors, np.finfo(np.float64).max)
    return Scores(errors, reference.p_values, reference.anomalous(ranked), "0" * 16)


@pytest.fixture
def reference():
    """Threshold 9.5 at quantile 0.9."""
    return Reference.calibrate(np.arange(0.5, 10.5, 1.0), 0.9)


def test_the_figures_are_the_usual_ones(reference):
    normal, anomalous = scores([1, 2, 3, 20], reference), scores([2.5, 15, 30], reference)
    result = measure(normal, anomalous, reference)
    assert result["roc_auc"] == pytest.approx((2 + 3 + 4) / 12)
    assert result["average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert result["precision"] == pytest.approx(2 / 3)
    assert result["recall"] == pytest.approx(2 / 3)
    assert result["false_positive_rate"] == 0.25
    assert result["normal"] == {"records": 4, "flagged": 1}


def test_nothing_flagged_has_precision_zero(reference):
    result = measure(scores([1], reference), scores([2], reference), reference)
    assert result["precision"] == result["recall"] == 0


def test_an_infinite_error_ranks_above_every_other(reference):
    result = measure(scores([1e300, 1], reference), scores([np.inf], reference), reference)
    assert result["roc_auc"] == 1


@pytest.mark.parametrize(
    ("normal", "anomalous"),
    [([1, 2, 3], [4, 5, 1e9]), ([0], [0]), ([0, 1], [np.inf]), ([1e-12], [1e12])],
)
def test_a_histogram_can_be_drawn_of_any_errors(reference, normal, anomalous):
    picture = draw(scores(normal, reference), scores(anomalous, reference), reference, 1.0)
    assert picture.startswith(b"\x89PNG")


def test_data_that_does_not_fit_is_one_line(refused, digits_bundle, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    path = tmp_path / "x.npy"
    line = refused("evaluate", digits_bundle, "--normal", path, "--anomalous", path)
    assert f"{path}: each record must have shape (8, 8), got (4,)" in line


def test_an_output_that_cannot_be_written_is_one_line(
    refused, digits_bundle, digits_file, tmp_path
):
    (tmp_path / "out").write_text("a file")
    data = f"{digits_file}:x"
    arguments = ["--normal", data, "--anomalous", data, "--out", tmp_path / "out"]
    assert f"{tmp_path / 'out'}: cannot be written" in refused(
        "evaluate", digits_bundle, *arguments
    )

"""`aead-monitor train` as a user meets it."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from models.bundle import load
from monitor.cli import main


@pytest.fixture
def digits(tmp_path):
    """A labelled file of 200 small images."""
    data = load_digits()
    np.savez(tmp_path / "digits.npz", x=data.images[:600], y=data.target[:600])
    return tmp_path / "digits.npz"


def test_training_says_where_the_bundle_is_and_what_to_do_next(digits, tmp_path, capsys):
    out = tmp_path / "model"
    arguments = ["--data", f"{digits}:x", "--where", "y=1", "--out", str(out), "--epochs", "2"]
    assert main(["train", *arguments]) == 0
    bundle = load(out)
    assert bundle.architecture == "convolutional"
    assert bundle.metadata["data"]["source"] == f"{digits}:x where y=1"
    captured = capsys.readouterr()
    for fact in (str(out), bundle.version, "aead-monitor score", "999 are needed for 0.999"):
        assert fact in captured.out
    assert "2/2" in captured.err


def test_every_setting_reaches_the_bundle(digits, tmp_path):
    arguments = """--arch dense --hidden 16 4 --error-metric mae --epochs 3 --batch-size 20
        --learning-rate 0.01 --weight-decay 0.1 --warmup-fraction 0.2 --patience 2
        --augment flip shift --validation-fraction 0.2 --calibration-fraction 0.3
        --quantile 0.9 --ordered --seed 7 --device cpu --threads 2
        --precision bfloat16"""
    out = tmp_path / "model"
    assert main(["train", "--data", f"{digits}:x", "--out", str(out), *arguments.split()]) == 0
    assert load(out).metadata["settings"] == {
        "architecture": "dense",
        "architecture_settings": {"hidden": [16, 4]},
        "epochs": 3,
        "batch_size": 20,
        "learning_rate": 0.01,
        "weight_decay": 0.1,
        "warmup_fraction": 0.2,
        "patience": 2,
        "validation_fraction": 0.2,
        "calibration_fraction": 0.3,
        "quantile": 0.9,
        "ordered": True,
        "error_metric": "mae",
        "augment": ["flip", "shift"],
        "seed": 7,
        "device": "cpu",
        "threads": 2,
        "precision": "bfloat16",
        "contamination": None,
    }
    assert sorted(load(out).references) == ["bfloat16", "float32"]


def test_augment_alone_means_all_of_it(digits, tmp_path):
    out = tmp_path / "model"
    arguments = ["--data", f"{digits}:x", "--out", str(out), "--epochs", "1", "--augment"]
    assert main(["train", *arguments]) == 0
    assert load(out).metadata["settings"]["augment"] == ["flip", "shift", "rotate"]


def test_hidden_sizes_mean_a_dense_network(digits, tmp_path):
    out = tmp_path / "model"
    arguments = ["--data", f"{digits}:x", "--out", str(out), "--epochs", "1", "--hidden", "8", "2"]
    assert main(["train", *arguments]) == 0
    assert load(out).model.settings["hidden"] == [8, 2]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--quantile", "0.9999"], "at least 9999 calibration records"),
        (["--epochs", "0"], "epochs must be"),
        (["--device", "tpu"], "device must be auto, cpu"),
        (["--arch", "dense", "--bottleneck", "4"], "unknown setting 'bottleneck'"),
        (["--validation-fraction", "0.5", "--calibration-fraction", "0.5"], "must leave 20%"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(digits, tmp_path, capsys, arguments, reason):
    out = tmp_path / "model"
    assert main(["train", "--data", f"{digits}:x", "--out", str(out), *arguments]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert reason in line
    assert not out.exists()

"""`aead-monitor import-weights` as a user meets it."""

import numpy as np
import pytest
import safetensors.torch
import torch

from models.architectures import build
from models.bundle import load
from monitor.cli import main
from tests.models.builders import spec_of
from tests.monitor.commands.conftest import machine


@pytest.fixture
def weights(tmp_path):
    """Weights of a small dense network, and normal records."""
    torch.manual_seed(0)
    model = build("dense", spec_of((4,)), {"hidden": [6, 2]})
    safetensors.torch.save_file(model.state_dict(), tmp_path / "weights.safetensors")
    np.save(tmp_path / "normal.npy", machine(300))
    return tmp_path / "weights.safetensors"


def arguments(weights, *more):
    folder = weights.parent
    known = ["--arch", "dense", "--normalise", "data", "--data", folder / "normal.npy"]
    return ["import-weights", *map(str, [weights, *known, "--out", folder / "model", *more])]


def test_the_weights_become_a_bundle_that_scores(weights, capsys):
    folder = weights.parent
    assert main(arguments(weights, "--setting", "hidden=[6,2]")) == 0
    out = capsys.readouterr().out
    assert "150 calibration records" in out
    assert "is --normalise what the weights were trained with?" in out  # they were not trained
    assert load(folder / "model").model.settings["hidden"] == [6, 2]
    scores = ["--data", str(folder / "normal.npy"), "--out", str(folder / "scores.csv")]
    assert main(["score", str(folder / "model"), *scores]) == 0


def test_mismatches_are_listed_line_by_line(weights, capsys):
    assert main(arguments(weights)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "does not fit dense with hidden" in lines[0]
    assert len(lines) > 3
    assert all(line.startswith("aead-monitor: ") for line in lines)
    assert not (weights.parent / "model").exists()


@pytest.mark.parametrize("text", ["hidden", "=3"])
def test_a_setting_needs_a_name_and_a_value(text, weights, refused):
    assert "write NAME=VALUE" in refused(*arguments(weights, "--setting", text))


def test_the_share_that_calibrates_is_checked(weights, refused):
    line = refused(*arguments(weights, "--calibration-fraction", "1.5"))
    assert "must be between 0 and 1" in line

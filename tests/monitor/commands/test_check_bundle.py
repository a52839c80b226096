"""`aead-monitor check-bundle` as a user meets it."""

import numpy as np
import pytest

from models.recipe import TrainingSettings, train
from monitor.cli import main


@pytest.fixture
def bundle(tmp_path):
    records = np.random.default_rng(0).normal(size=(60, 4))
    return train(records, tmp_path / "model", TrainingSettings(epochs=1))


def test_a_whole_bundle_is_described(bundle, capsys):
    assert main(["check-bundle", str(bundle.path)]) == 0
    printed = capsys.readouterr().out
    for fact in (bundle.version, "dense", "shape [4]", "20 records", "p-value 0.0476", "valid"):
        assert fact in printed


def test_a_damaged_bundle_is_one_line_and_exit_code_2(bundle, capsys):
    (bundle.path / "model.safetensors").write_bytes(b"")
    assert main(["check-bundle", str(bundle.path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "model.safetensors: its content does not match" in captured.err

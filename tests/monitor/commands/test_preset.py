"""`aead-monitor train --preset` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.bundle import load
from monitor.cli import main


@pytest.fixture
def plane(tmp_path: Path) -> Path:
    """Six columns that follow two hidden values."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 2))
    rows = hidden @ rng.normal(size=(2, 6)) + 0.1 * rng.normal(size=(300, 6))
    np.save(tmp_path / "plane.npy", rows)
    return tmp_path / "plane.npy"


def trained(data: Path, out: Path, *options: str) -> int:
    return main(["train", "--data", str(data), "--out", str(out), *options])


def test_without_a_word_on_the_model_it_is_chosen_and_what_was_compared_is_said(
    plane: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained(plane, tmp_path / "model") == 0
    bundle = load(tmp_path / "model")
    assert bundle.architecture == "ladder"
    said = capsys.readouterr().out.splitlines()
    (first,) = [i for i, line in enumerate(said) if line.startswith("preset ")]
    assert bundle.metadata["preset"]["why"] in said[first]
    assert said[first + 1].split() == [
        "candidate", "ROC", "AUC", "+-", "cost", "us", "a", "record", "seconds",
    ]  # fmt: skip
    assert [line.split()[0] for line in said[first + 2 : first + 5]] == [
        "ladder",
        "linear",
        "dense",
    ]
    assert said[first + 2].endswith("chosen")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "## Choice" in card


def test_what_costs_too_much_is_said_with_what_to_do(
    plane: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained(plane, tmp_path / "model", "--cost", "1.05") == 0
    assert load(tmp_path / "model").architecture == "linear"
    said = capsys.readouterr().out
    assert "costs too much" in said
    assert "--cost inf tries all" in said


@pytest.mark.parametrize(
    "options",
    [["--preset", "fast"], ["--epochs", "2"], ["--hidden", "3"], ["--arch", "dense"]],
    ids=" ".join,
)
def test_who_describes_the_model_gets_it(plane: Path, tmp_path: Path, options: list[str]) -> None:
    quick = [] if "--epochs" in options else ["--epochs", "2"]
    assert trained(plane, tmp_path / "model", *options, *quick) == 0
    bundle = load(tmp_path / "model")
    assert bundle.architecture == "dense"
    assert "preset" not in bundle.metadata


def test_asked_for_it_compares_what_suits_the_other_options(plane: Path, tmp_path: Path) -> None:
    options = ["--preset", "best", "--epochs", "2", "--minutes", "2", "--cost", "inf"]
    assert trained(plane, tmp_path / "model", *options) == 0
    document = json.loads((tmp_path / "model" / "bundle.json").read_text())
    told = document["metadata"]["preset"]
    names = [each["name"] for each in told["candidates"]]
    assert names == ["dense", "narrow", "absolute", "denoising", "variational", "memory"]
    assert told["cost"] is None
    assert document["metadata"]["settings"]["epochs"] == 2


def test_clean_records_may_be_vouched_for(plane: Path, tmp_path: Path) -> None:
    assert trained(plane, tmp_path / "model", "--clean") == 0
    assert load(tmp_path / "model").metadata["left_out"]["count"] == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--preset", "auto", "--arch", "dense"], "leave out --arch and its settings"),
        (["--preset", "best", "--hidden", "4"], "leave out --arch and its settings"),
        (["--preset", "fast", "--minutes", "3"], "--minutes and --cost are for"),
        (["--arch", "dense", "--cost", "3"], "--minutes and --cost are for"),
        (["--minutes", "0"], "minutes must be a number above 0"),
        (["--minutes", "nan"], "minutes must be a number above 0"),
        (["--cost", "0.2"], "cost must be at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_exit_code_2(
    plane: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    reason: str,
) -> None:
    assert trained(plane, tmp_path / "model", *options) == 2
    assert reason in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "model").exists()

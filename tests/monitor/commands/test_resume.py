"""`aead-monitor train --resume` as a user meets it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from models.bundle import load
from monitor.cli import main
from monitor.commands.tensorboard_log import TRAINING, VALIDATION


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Vectors on a ring."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 6, size=(200, 1))
    np.save(tmp_path / "rows.npy", np.cos(angle + np.arange(5)) + 0.05 * rng.normal(size=(200, 5)))
    return tmp_path / "rows.npy"


Stop = Callable[[int | None], None]


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Stop:
    """SIGTERM after an epoch of the next trainings; None: never again."""

    def set_epoch(epoch: int | None) -> None:
        @contextmanager
        def bar():
            def listener(progress):
                if progress.epoch == epoch:
                    signal.raise_signal(signal.SIGTERM)

            yield listener

        monkeypatch.setattr("monitor.process.progress.epochs_bar", bar)

    return set_epoch


def trained(data: Path, out: Path, *options: str) -> int:
    return main(["train", "--data", str(data), "--out", str(out), "--epochs", "8", *options])


@pytest.mark.parametrize("options", [["--arch", "dense"], ["--preset", "auto"]], ids=" ".join)
def test_the_same_command_goes_on_to_the_same_bundle(
    rows: Path,
    tmp_path: Path,
    stop_after: Stop,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    assert trained(rows, tmp_path / "whole", *options) == 0
    stop_after(3)
    handler = signal.getsignal(signal.SIGTERM)
    assert trained(rows, tmp_path / "model", *options) == 0
    assert signal.getsignal(signal.SIGTERM) is handler
    assert "interrupted after 3 epochs" in capsys.readouterr().out
    assert (tmp_path / "model.checkpoint").is_dir()
    stop_after(4)
    assert trained(rows, tmp_path / "model", *options, "--resume") == 0
    said = capsys.readouterr().out
    assert "interrupted after 4 epochs" in said
    assert "the same command with --resume goes on" in said
    stop_after(None)
    assert trained(rows, tmp_path / "model", *options, "--resume") == 0
    assert "--resume" not in capsys.readouterr().out
    assert load(tmp_path / "model").version == load(tmp_path / "whole").version
    assert not (tmp_path / "model.checkpoint").exists()


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (["--arch", "dense"], ["--arch", "dense", "--seed", "1"], "settings.seed was 0, and is 1"),
        (["--arch", "dense"], ["--preset", "auto"], "was not chosen by preset auto"),
        (["--preset", "auto"], ["--preset", "best"], "was not chosen by preset best"),
        (["--preset", "auto"], ["--preset", "auto", "--cost", "2"], "within this cost"),
        (["--preset", "auto"], ["--preset", "fast"], "settings.architecture was"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_other_options_are_refused(
    rows: Path,
    tmp_path: Path,
    stop_after: Stop,
    capsys: pytest.CaptureFixture[str],
    before: list[str],
    now: list[str],
    said: str,
) -> None:
    stop_after(3)
    assert trained(rows, tmp_path / "model", *before) == 0
    stop_after(None)
    assert trained(rows, tmp_path / "model", *now, "--resume") == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
    assert load(tmp_path / "model").metadata["metrics"]["ended"] == "interrupted"


def test_without_a_checkpoint_it_is_said(
    rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained(rows, tmp_path / "model", "--resume") == 2
    assert "Train without --resume" in capsys.readouterr().err


def lines(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def test_the_losses_are_logged_and_a_resumed_training_adds_to_them(
    rows: Path, tmp_path: Path, stop_after: Stop
) -> None:
    log = tmp_path / "training.csv"
    log.write_text("of before")
    stop_after(3)
    assert trained(rows, tmp_path / "model", "--log-csv", str(log)) == 0
    assert [line[0] for line in lines(log)] == ["epoch", "1", "2", "3"]
    stop_after(None)
    assert trained(rows, tmp_path / "model", "--log-csv", str(log), "--resume") == 0
    heading, *told = lines(log)
    assert heading == ["epoch", "loss", "validation_loss", "seconds"]
    history = load(tmp_path / "model").metadata["history"]
    assert [int(line[0]) for line in told] == list(range(1, 9))
    assert [float(line[1]) for line in told] == history["losses"]
    assert [float(line[2]) for line in told] == history["validation_losses"]
    assert all(float(line[3]) >= 0 for line in told)


def test_what_is_solved_has_no_epochs_to_log(rows: Path, tmp_path: Path) -> None:
    log = tmp_path / "training.csv"
    arguments = ["--data", str(rows), "--out", str(tmp_path / "model"), "--arch", "linear"]
    assert main(["train", *arguments, "--log-csv", str(log)]) == 0
    assert len(lines(log)) == 1


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_log_that_cannot_be_written_is_said_before_training(
    rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], resume: list[str]
) -> None:
    assert (
        trained(rows, tmp_path / "model", "--log-csv", str(tmp_path / "no" / "log"), *resume) == 2
    )
    assert "no/log: cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_with_resume_another_file_is_not_added_to(
    rows: Path, tmp_path: Path, stop_after: Stop, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(3)
    assert trained(rows, tmp_path / "model") == 0
    stop_after(None)
    thesis = tmp_path / "thesis.csv"
    thesis.write_text("years,of,work\n")
    assert trained(rows, tmp_path / "model", "--resume", "--log-csv", str(thesis)) == 2
    assert "does not begin with epoch,loss" in capsys.readouterr().err
    assert thesis.read_text() == "years,of,work\n"


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_tensorboard_gets_both_losses_and_a_resumed_training_goes_on_with_them(
    rows: Path, tmp_path: Path, stop_after: Stop, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "curves"
    asked = ("--log-tensorboard", str(folder))
    stop_after(3)
    assert trained(rows, tmp_path / "model", *asked) == 0
    assert [epoch for epoch, _ in curve(folder, TRAINING)] == [1, 2, 3]
    stop_after(None)
    assert trained(rows, tmp_path / "model", *asked, "--resume") == 0
    history = load(tmp_path / "model").metadata["history"]
    for tag, losses in ((TRAINING, "losses"), (VALIDATION, "validation_losses")):
        epochs, values = zip(*curve(folder, tag), strict=True)
        assert list(epochs) == list(range(1, 9))
        assert list(values) == pytest.approx(history[losses], rel=1e-6)
    assert trained(rows, tmp_path / "other", *asked) == 2
    assert "the log of another training" in capsys.readouterr().err


def test_without_tensorboard_it_is_said_what_to_install(
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert trained(rows, tmp_path / "model", "--log-tensorboard", str(tmp_path / "curves")) == 2
    assert "pip install 'aead-monitor[tensorboard]'" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()

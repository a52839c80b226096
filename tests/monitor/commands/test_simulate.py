"""`simulate`: a table, a picture, and one line for each mistake."""

import json
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main

QUICK = ["--records", "20000", "--repeats", "2"]


def test_it_tells_false_alarms_and_delays_and_draws_them(
    digits_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--bundle", str(digits_bundle), "--out", str(tmp_path / "out"), *QUICK]
    assert main(["simulate", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "1 false alarm in 1,000,000 records" in printed
    assert "0 false alarms in 20,000 records" in printed
    result = json.loads((tmp_path / "out" / "simulation.json").read_text())
    assert all(delay < 10_000 for delay in result["records_to_alarm"]["2 times larger"])
    assert (tmp_path / "out" / "simulation.png").read_bytes().startswith(b"\x89PNG")
    assert set(result) == {"no_drift", "records_to_alarm"}


@pytest.mark.parametrize("name", ["errors.npy", "scores.csv"])
def test_it_replays_errors_from_a_file(digits_bundle: Path, tmp_path: Path, name: str) -> None:
    errors = np.random.default_rng(0).lognormal(size=2000)
    if name.endswith(".npy"):
        np.save(tmp_path / name, errors)
    else:
        lines = ["index,reconstruction_error", *(f"{i},{e}" for i, e in enumerate(errors))]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    out = ["--errors", str(tmp_path / name), "--out", str(tmp_path), *QUICK]
    assert main(["simulate", "--bundle", str(digits_bundle), *out]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--false-alarms", "never"], "'never' is no budget"),
        (["--tolerance", "7"], "--tolerance must lie between 0 and 1, got 7."),
        (["--repeats", "0"], "--repeats must be more than 0, got 0."),
    ],
)
def test_a_mistake_is_one_line(
    digits_bundle: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["simulate", "--bundle", str(digits_bundle), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1

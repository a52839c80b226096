"""`aead-monitor score` as a user meets it."""

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from models.bundle import load
from monitor.cli import main
from monitor.pipeline.scorer import Scorer
from tests.monitor.commands.conftest import FEATURES, machine

COLUMNS = ["index", "reconstruction_error", "p_value", "anomalous"]


def read(path):
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == COLUMNS
    return rows


@pytest.fixture
def score(tmp_path):
    """Runs the command, and returns the rows of the CSV file."""

    def run(bundle, data, *more):
        out = tmp_path / "scores.csv"
        assert main(["score", str(bundle), "--data", str(data), "--out", str(out), *more]) == 0
        return read(out)

    return run


def test_one_row_a_record_in_the_order_of_the_data(score, digits_bundle, digits_file):
    rows = score(digits_bundle, f"{digits_file}:x")
    scores = Scorer(load(digits_bundle), "auto").score(np.load(digits_file)["x"])
    assert [int(row[0]) for row in rows] == list(range(len(scores.anomalous)))
    np.testing.assert_array_equal([float(row[1]) for row in rows], scores.reconstruction_error)
    np.testing.assert_array_equal([float(row[2]) for row in rows], scores.p_value)
    assert [row[3] for row in rows] == [str(int(flag)) for flag in scores.anomalous]


def test_what_is_flagged_is_the_noise(score, digits_bundle, digits_file):
    flagged = {int(row[0]) for row in score(digits_bundle, f"{digits_file}:x") if row[3] == "1"}
    noise = set(np.flatnonzero(np.load(digits_file)["y"]).tolist())
    assert noise <= flagged
    assert len(flagged - noise) < 20


def test_a_selection_keeps_the_positions_in_the_file(score, digits_bundle, digits_file):
    rows = score(digits_bundle, f"{digits_file}:x", "--where", "y=1")
    assert [int(row[0]) for row in rows] == np.flatnonzero(np.load(digits_file)["y"]).tolist()


def test_parquet_holds_the_same(score, digits_bundle, digits_file, tmp_path):
    rows = score(digits_bundle, f"{digits_file}:x")
    out = tmp_path / "scores.parquet"
    data = f"{digits_file}:x"
    assert main(["score", str(digits_bundle), "--data", data, "--out", str(out)]) == 0
    table = pyarrow.parquet.read_table(out)
    assert table.column_names == COLUMNS
    assert table["anomalous"].to_pylist() == [int(row[3]) for row in rows]
    assert table["reconstruction_error"].to_pylist() == [float(row[1]) for row in rows]


def test_the_terminal_says_how_many_and_which(score, digits_bundle, digits_file, capsys):
    rows = score(digits_bundle, f"{digits_file}:x", "--top", "3")
    printed = capsys.readouterr().out
    flagged = sum(row[3] == "1" for row in rows)
    top = sorted(rows, key=lambda row: -float(row[1]))[:3]
    assert f"{len(rows):,} records, model {load(digits_bundle).version}" in printed
    assert f"anomalous    {flagged}, {flagged / len(rows):.3%}; about" in printed
    listed = [line.split()[1] for line in printed.splitlines() if line.strip().startswith("record")]
    assert listed == [row[0] for row in top]
    assert "scores.csv" in printed


def test_the_montage_is_a_picture(score, digits_bundle, digits_file, tmp_path, capsys):
    path = tmp_path / "top.png"
    score(digits_bundle, f"{digits_file}:x", "--montage", str(path), "--top", "4")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
    assert str(path) in capsys.readouterr().out


def test_pictures_are_called_by_their_names(score, digits_bundle, digits_file, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for i, image in enumerate(np.load(digits_file)["x"][:3]):
        Image.fromarray(image).save(tmp_path / "photos" / f"camera-{i}.png")
    assert len(score(digits_bundle, tmp_path / "photos")) == 3
    assert "camera-1.png" in capsys.readouterr().out


@pytest.fixture
def table(tmp_path):
    """Writes columns of a machine to a CSV file, in the given order."""

    def write(*names):
        columns = dict(zip(FEATURES, machine(30, seed=5).T, strict=True))
        rows = zip(*(columns.get(name, range(30)) for name in names), strict=True)
        with (tmp_path / "machine.csv").open("w") as file:
            csv.writer(file).writerows([names, *rows])
        return tmp_path / "machine.csv"

    return write


def test_columns_are_taken_by_name_and_others_are_left_out(score, machine_bundle, table, capsys):
    straight = score(machine_bundle, table(*FEATURES))
    assert score(machine_bundle, table("id", *FEATURES[::-1])) == straight
    assert "not in the model, left out: id" in capsys.readouterr().err


def test_a_missing_column_is_named(refused, machine_bundle, table, tmp_path):
    path = table("speed", "torque", "heat")
    line = refused("score", machine_bundle, "--data", path, "--out", tmp_path / "s.csv")
    assert f"{path}: no column 'load', which the model was trained on" in line


def test_data_of_another_kind_is_refused(refused, machine_bundle, digits_file, tmp_path):
    data = f"{digits_file}:x"
    line = refused("score", machine_bundle, "--data", data, "--out", tmp_path / "s.csv")
    assert f"{data}: each record must have shape (4,), got (8, 8)" in line


def explained(bundle, data, out, *more):
    """The column `explanation` of a CSV file and of a Parquet file, which are the same."""
    columns = []
    for path in (out / "explained.csv", out / "explained.parquet"):
        arguments = ["score", bundle, "--data", data, "--out", path, *more]
        assert main([str(each) for each in arguments]) == 0
    with (out / "explained.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == [*COLUMNS, "explanation"]
    columns = pyarrow.parquet.read_table(out / "explained.parquet")
    cells = [row["explanation"] for row in rows]
    assert columns["explanation"].to_pylist() == [cell or None for cell in cells]
    assert [bool(cell) for cell in cells] == [row["anomalous"] == "1" for row in rows]
    return [json.loads(cell) if cell else None for cell in cells]


def test_the_feature_that_carries_the_error_is_named(machine_bundle, table, tmp_path, capsys):
    path = table("id", *FEATURES)
    rows = path.read_text().splitlines()
    odd = rows[8].split(",")
    odd[1 + FEATURES.index("heat")] = "7.125"
    rows[8] = ",".join(odd)
    path.write_text("\n".join(rows))
    found = explained(machine_bundle, path, tmp_path, "--explain", "2", "--id", "id")[7]
    first = found["features"][0]
    assert (first["feature"], first["value"]) == ("heat", 7.125)
    assert first["expected"] != 7.125
    assert first["share"] > 0.3
    assert len(found["features"]) == 2
    assert first["share"] + found["features"][1]["share"] + found["rest"] == pytest.approx(1)
    printed = capsys.readouterr().out
    assert f"heat {first['share']:.0%} (7.125, expected {first['expected']:.5g})" in printed


def test_the_place_in_a_picture_is_named(digits_bundle, digits_file, tmp_path, capsys):
    data = np.load(digits_file)
    odd = data["x"][data["y"] == 0][:30].copy()
    odd[4, :3, 5:] = 255
    np.save(tmp_path / "odd.npy", odd)
    found = explained(digits_bundle, tmp_path / "odd.npy", tmp_path, "--explain", "1")[4]
    box = found["box"]
    assert box["left"] <= 6 < box["left"] + box["width"]
    assert box["top"] <= 1 < box["top"] + box["height"]
    assert found["share"] > 3 * found["area"]
    words = f"{box['width']} x {box['height']} pixels from ({box['left']}, {box['top']})"
    assert words in capsys.readouterr().out


def test_a_column_of_that_name_stays_beside_ours(machine_bundle, table, tmp_path):
    path = table(*FEATURES)
    lines = path.read_text().splitlines()
    named = [f"{line},{'explanation' if i == 0 else f'id {i}'}" for i, line in enumerate(lines)]
    path.write_text("\n".join(named))
    out = tmp_path / "s.csv"
    arguments = ["score", machine_bundle, "--data", path, "--out", out, "--id", "explanation"]
    assert main([str(each) for each in [*arguments, "--explain", "1"]]) == 0
    assert out.read_text().splitlines()[0].endswith(",anomalous,explanation,data.explanation")
    assert main([str(each) for each in arguments]) == 0
    assert out.read_text().splitlines()[0].endswith(",anomalous,explanation")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--out", "s.csv", "--explain", "21"], "--explain must be from 0 to 20, got 21"),
        (["--out", "scores.txt"], "--out scores.txt: the name must end in .csv or .parquet"),
        (["--out", "absent/s.csv"], "there is no folder absent"),
        (["--out", "s.csv", "--montage", "top.jpg"], "the name must end in .png"),
        (["--out", "s.csv", "--montage", "absent/top.png"], "there is no folder absent"),
        (["--out", "s.csv", "--top", "0"], "--top must be from 1 to 100, got 0"),
        (["--out", "s.csv", "--device", "abacus"], "device must be"),
        (["--out", "s.csv", "--where", "y=7"], "no record is chosen"),
        (["--out", "folder.csv"], "folder.csv: cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    refused, digits_bundle, digits_file, tmp_path, monkeypatch, arguments, fault
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    assert fault in refused("score", digits_bundle, "--data", f"{digits_file}:x", *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv"]


def test_a_bundle_that_is_none_is_one_line(refused, digits_file, tmp_path):
    data, out = f"{digits_file}:x", tmp_path / "s.csv"
    line = refused("score", tmp_path / "absent", "--data", data, "--out", out)
    assert str(tmp_path / "absent") in line

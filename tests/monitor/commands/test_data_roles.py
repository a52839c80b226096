"""What a bundle remembers of its data: names, roles, and an account, from `train` to `produce`."""

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from models.bundle import load
from monitor.cli import main
from monitor.commands import produce
from monitor.errors import UserError
from tests.monitor.commands.conftest import machine

QUICK = ("--epochs", "2", "--device", "cpu", "--threads", "1")
ROLES = ("--time", "at", "--id", "plant", "index", "--label", "fault", "--missing", "indicate")


def machines(path: Path, count: int = 300, seed: int = 0, faulty: int = 0) -> Path:
    """Readings with a time, ids, a category, missing values, and a label."""
    rows = machine(count, seed).round(5)
    rows[:faulty] += 4
    kinds = ("pump", "fan", "mill")
    with path.open("w") as file:
        file.write("at,plant,index,speed,torque,heat,load,kind,fault\n")
        for i, (speed, torque, heat, burden) in enumerate(rows.tolist()):
            stamp = f"2026-01-01 {i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}"
            shown = "" if i % 10 == 9 else heat
            kind, fault = kinds[i % 3], int(i < faulty)
            file.write(f"{stamp},p{i},{i},{speed},{torque},{shown},{burden},{kind},{fault}\n")
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roles")
    data = machines(folder / "normal.csv")
    arguments = ["train", "--data", str(data), "--out", str(folder / "model"), *ROLES, *QUICK]
    assert main(arguments) == 0
    return folder / "model"


def test_the_schema_and_the_account_are_in_the_bundle(bundle: Path) -> None:
    loaded = load(bundle)
    assert loaded.input_spec.features == ("speed", "torque", "heat", "load", "kind")
    heat, kind = loaded.input_spec.schema.features[2], loaded.input_spec.schema.features[4]
    assert (heat.missing, kind.categories) == (True, ("fan", "mill", "pump"))
    read = loaded.metadata["data"]["read"]
    assert read["roles"] == {"label": ["fault"], "ids": ["plant", "index"], "time": "at"}
    assert dict(read["left"]) == {"fault": "label", "plant": "id", "index": "id", "at": "time"}
    card = (bundle / "README.md").read_text()
    assert "## Features" in card
    assert "| kind | category | 3 values: fan, mill, pump | 0.00% |  |" in card
    assert "- left out: plant (id)" in card


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_ids_and_times_go_along_into_the_scores(
    bundle: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = machines(tmp_path / "later.csv", 50, seed=2), tmp_path / f"scores.{suffix}"
    assert main(["score", str(bundle), "--data", str(data), "--out", str(out)]) == 0
    assert "left out" not in capsys.readouterr().err
    if suffix == "csv":
        header, first, *_ = [line.split(",") for line in out.read_text().splitlines()]
        row = dict(zip(header, first, strict=True))
    else:
        table = pyarrow.parquet.read_table(out)
        header, row = table.column_names, table.to_pylist()[0]
    assert header[4:] == ["plant", "data.index", "at"]
    assert (row["plant"], row["data.index"], row["at"]) == ("p0", "0", "2026-01-01 00:00:00")


def test_a_labelled_file_is_evaluated_by_its_label(bundle: Path, tmp_path: Path) -> None:
    data = machines(tmp_path / "both.csv", 100, seed=3, faulty=20)
    out = tmp_path / "evaluation"
    assert main(["evaluate", str(bundle), "--data", str(data), "--out", str(out)]) == 0
    result = json.loads((out / "evaluation.json").read_text())
    assert (result["normal"]["records"], result["anomalous"]["records"]) == (80, 20)
    assert result["roc_auc"] > 0.9


@pytest.mark.parametrize(
    "arguments",
    [[], ["--normal", "x.csv"], ["--data", "x.csv", "--normal", "x.csv"],
     ["--data", "x.csv", "--where", "a=1"]],
)  # fmt: skip
def test_evaluate_says_what_it_needs(refused, bundle: Path, arguments: list[str]) -> None:
    line = refused("evaluate", bundle, *arguments)
    assert "--label" in line


def sent(data: Path, bundle: Path | None, codec: str = "raw") -> produce.Messages:
    options = {
        "data": [str(data)], "where": None, "bundle": bundle, "codec": codec, "repeat": 1,
        "limit": None,
    }  # fmt: skip
    return produce.Messages(argparse.Namespace(**options))


def test_produce_sends_what_the_model_expects(bundle: Path, tmp_path: Path) -> None:
    text = machines(tmp_path / "x.csv", 9).read_text().splitlines()
    turned = [",".join(reversed(line.split(","))) for line in text]
    (tmp_path / "x.csv").write_text("\n".join(turned) + "\n")
    messages = sent(tmp_path / "x.csv", bundle)
    rows = np.stack([np.frombuffer(value, np.float64) for _, value in messages])
    np.testing.assert_allclose(rows[:, [0, 1, 3]], machine(9).round(5)[:, [0, 1, 3]])
    assert rows[:, 4].tolist() == [2, 0, 1] * 3


def test_produce_sends_no_words_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,kind\n1.5,pump\n2.5,pump\n")
    with pytest.raises(UserError, match="give it with --bundle"):
        sent(tmp_path / "x.csv", None)


def test_check_data_prints_a_table_and_json(tmp_path: Path, capsys) -> None:
    data = machines(tmp_path / "x.csv")
    arguments = ["check-data", "--data", str(data), *ROLES]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "300 records of 5 (float64)" in printed
    assert "category  3 values: fan, mill, pump" in printed
    assert "10.00% missing" in printed
    assert "left out     'plant': id" in printed
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 300


def test_columns_are_shown_and_all_is_asked_at_once_where_something_is_open(
    tmp_path: Path, capsys
) -> None:
    data = machines(tmp_path / "x.csv")
    assert main(["check-data", "--data", str(data)]) == 2
    shown, asked = capsys.readouterr()
    assert [line.split()[:3] for line in shown.splitlines()] == [
        ["column", name, kind]
        for name, kind in [
            ("at", "time"), ("plant", "text"), ("index", "number"), ("speed", "number"),
            ("torque", "number"), ("heat", "number"), ("load", "number"), ("kind", "category"),
            ("fault", "number"),
        ]
    ]  # fmt: skip
    assert "say --time at" in asked
    assert "values are missing in heat 10.00%. Say --missing indicate" in asked
    assert main(["check-data", "--data", str(data), "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_what_looks_like_no_feature_is_warned_about(tmp_path: Path, capsys) -> None:
    data = machines(tmp_path / "x.csv")
    options = ["--drop", "plant", "at", "--missing", "skip"]
    assert main(["check-data", "--data", str(data), *options]) == 0
    warned = capsys.readouterr().err
    assert "warning: column 'index' looks like an id (--id), and always rising" in warned


def test_training_takes_at_most_so_many_records(tmp_path: Path, capsys) -> None:
    data, out = machines(tmp_path / "x.csv"), tmp_path / "model"
    options = ["--drop", "plant", "at", "kind", "--missing", "skip", "--max-records", "100"]
    assert main(["train", "--data", str(data), "--out", str(out), *options, *QUICK]) == 0
    assert "100 of 300 records taken, evenly chosen" in capsys.readouterr().err
    assert load(out).metadata["data"]["records"] < 100


@pytest.mark.parametrize(
    ("header", "between", "mark", "options"),
    [("0,1,2", ",", ".", ["--header", "yes"]), ("", ",", ".", ["--header", "no"]),
     ("a;b;c", ";", ",", ["--decimal", ","])],
)  # fmt: skip
def test_how_a_file_was_said_to_be_written_holds_for_later_ones(
    tmp_path: Path, header: str, between: str, mark: str, options: list[str]
) -> None:
    rows = np.random.default_rng(0).normal(size=(80, 3)).round(3)
    lines = [between.join(f"{cell:.3f}".replace(".", mark) for cell in row) for row in rows]
    (tmp_path / "x.csv").write_text("\n".join([header, *lines] if header else lines) + "\n")
    data, model = str(tmp_path / "x.csv"), str(tmp_path / "model")
    assert main(["train", "--data", data, "--out", model, *options, *QUICK]) == 0
    assert main(["score", model, "--data", data, "--out", str(tmp_path / "s.csv")]) == 0
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 81

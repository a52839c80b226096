"""`aead-monitor export` as a user meets it."""

import json

import mlflow
import numpy as np
import onnxruntime
import pandas as pd
import pytest
import yaml

from models.bundle import load
from monitor.cli import main
from tests.monitor.commands.conftest import FEATURES, machine


def export(bundle, kind, out):
    assert main(["export", str(bundle), "--format", kind, "--out", str(out)]) == 0


def scores(bundle, folder, records):
    """What `score` says of records."""
    np.save(folder / "rows.npy", records)
    arguments = ["--data", str(folder / "rows.npy"), "--out", str(folder / "scores.csv")]
    assert main(["score", str(bundle), *arguments]) == 0
    return pd.read_csv(folder / "scores.csv")


def test_onnx_gives_what_score_gives(machine_bundle, tmp_path, capsys):
    export(machine_bundle, "onnx", tmp_path / "model.onnx")
    assert "onnxruntime gives the same errors within" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    records = machine(20, seed=3)
    error, p_value, anomalous = session.run(None, {"records": records.astype(np.float32)})
    ours = scores(machine_bundle, tmp_path, records)
    np.testing.assert_allclose(error, ours["reconstruction_error"], rtol=1e-4)
    np.testing.assert_allclose(p_value, ours["p_value"], rtol=1e-4)
    assert anomalous.tolist() == (ours["anomalous"] == 1).tolist()


def test_onnx_is_written_to_a_file_of_that_name(machine_bundle, tmp_path, refused):
    line = refused("export", machine_bundle, "--format", "onnx", "--out", tmp_path / "model")
    assert line.endswith("the name must end in .onnx")
    away = tmp_path / "away" / "model.onnx"
    assert "Create it first" in refused("export", machine_bundle, "--format", "onnx", "--out", away)


@pytest.fixture(scope="module")
def pyfunc_folder(machine_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow") / "model"
    export(machine_bundle, "mlflow", folder)
    return folder


def test_mlflow_takes_a_frame_by_the_names_of_its_columns(pyfunc_folder, machine_bundle, tmp_path):
    model = mlflow.pyfunc.load_model(str(pyfunc_folder))
    records = machine(20, seed=3)
    frame = pd.DataFrame(records, columns=FEATURES, index=range(100, 120))
    frame = frame[list(reversed(FEATURES))].assign(operator="someone")
    found = model.predict(frame)
    ours = scores(machine_bundle, tmp_path, records)
    assert list(found.columns) == ["error", "p_value", "anomalous"]
    np.testing.assert_allclose(found["error"], ours["reconstruction_error"], rtol=1e-5)
    np.testing.assert_allclose(found["p_value"], ours["p_value"])
    assert found["anomalous"].tolist() == (ours["anomalous"] == 1).tolist()


def test_mlflow_takes_whole_numbers_and_names_a_missing_column(pyfunc_folder):
    model = mlflow.pyfunc.load_model(str(pyfunc_folder))
    whole = pd.DataFrame([[1, 2, 3, 4]], columns=FEATURES)
    assert np.isfinite(model.predict(whole)["error"]).all()
    with pytest.raises(Exception, match="torque"):
        model.predict(whole.drop(columns="torque"))


def test_nothing_in_the_mlflow_folder_is_a_pickle(pyfunc_folder):
    names = {path.suffix for path in pyfunc_folder.rglob("*") if path.is_file()}
    assert not names & {".pkl", ".pickle", ".cloudpickle", ".pt", ".pth"}
    described = yaml.safe_load((pyfunc_folder / "MLmodel").read_text())
    assert described["flavors"]["python_function"]["model_code_path"].endswith(".py")
    assert "python_model" not in described["flavors"]["python_function"]


def test_mlflow_takes_pictures_as_arrays(digits_bundle, digits_file, tmp_path):
    export(digits_bundle, "mlflow", tmp_path / "model")
    images = np.load(digits_file)["x"][:5]
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(images)
    np.testing.assert_allclose(
        found["error"], scores(digits_bundle, tmp_path, images)["reconstruction_error"], rtol=1e-5
    )


def test_the_hub_folder_is_a_bundle_with_a_head(machine_bundle, tmp_path):
    export(machine_bundle, "huggingface", tmp_path / "hub")
    assert load(tmp_path / "hub").version == load(machine_bundle).version
    _, head, card = (tmp_path / "hub" / "README.md").read_text().split("---\n", 2)
    head = yaml.safe_load(head)
    assert head["library_name"] == "aead-monitor"
    assert head["pipeline_tag"] == "tabular-classification"
    assert {"anomaly-detection", "tabular", "dense"} <= set(head["tags"])
    assert card.count("## How to use it") == 1
    config = json.loads((tmp_path / "hub" / "config.json").read_text())
    assert config["model_type"] == "aead-monitor"
    assert config["input_spec"]["features"] == list(FEATURES)
    assert len(scores(tmp_path / "hub", tmp_path, machine(5))) == 5


def test_every_picture_of_the_card_is_there(digits_bundle, tmp_path):
    export(digits_bundle, "huggingface", tmp_path / "hub")
    text = (tmp_path / "hub" / "README.md").read_text()
    for path in (tmp_path / "hub" / "plots").iterdir():
        assert f"plots/{path.name}" in text
    assert (tmp_path / "hub" / "plots" / "errors.png").is_file()


def test_an_export_of_an_export_has_one_head(machine_bundle, tmp_path):
    export(machine_bundle, "huggingface", tmp_path / "hub")
    export(tmp_path / "hub", "huggingface", tmp_path / "again")
    texts = [(tmp_path / name / "README.md").read_text() for name in ("hub", "again")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("kind", ["mlflow", "huggingface"])
def test_a_folder_of_other_files_is_left_alone(kind, machine_bundle, tmp_path, refused):
    (tmp_path / "notes.txt").write_text("mine")
    line = refused("export", machine_bundle, "--format", kind, "--out", tmp_path)
    assert "Choose a new folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("kind", ["mlflow", "huggingface"])
def test_an_older_export_is_replaced(kind, machine_bundle, digits_bundle, tmp_path):
    export(digits_bundle, kind, tmp_path / "out")
    export(machine_bundle, kind, tmp_path / "out")
    found = next((tmp_path / "out").rglob("bundle.json")).parent
    assert load(found).version == load(machine_bundle).version

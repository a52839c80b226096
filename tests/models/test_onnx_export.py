"""What is exported computes what we compute, for every architecture and every kind of record."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from models import onnx_export
from models.architectures import ARCHITECTURES, SOLVED
from models.bundle import load
from models.conduct import Conduct
from models.description import Description
from models.errors import ExportError
from models.extras import needed
from models.onnx_graph import counted
from models.recipe import train
from models.schema import Feature, Schema
from models.settings import TrainingSettings
from tests.data import digit_images
from tests.models.builders import digits, vectors
from tests.models.scoring import errors_of

SCHEMA = Schema(
    (
        Feature("speed"),
        Feature("on", "boolean", missing=True),
        Feature("colour", "category", ("blue", "green", "red"), missing=True),
        Feature("heat", missing=True),
    )
)


def trained(folder, records, name="dense", **more):
    settings = TrainingSettings(
        architecture=name, epochs=None if name in SOLVED else 2, device="cpu"
    )
    return train(records, folder, settings, Conduct(card=False), Description(**more))


def exported(bundle, folder):
    """A session of the file, and the file's own description."""
    path = folder / "model.onnx"
    assert onnx_export.export(bundle, path) <= onnx_export.CLOSE
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]), onnx.load(path)


def assert_same(session, bundle, records, kind=np.float32):
    """The three outputs are ours, for the records at once and one by one."""
    ours = errors_of(bundle, records)
    together = session.run(None, {"records": records.astype(kind)})
    alone = [session.run(None, {"records": records[i : i + 1].astype(kind)}) for i in range(3)]
    assert onnx_export.difference(together[0], ours) <= onnx_export.CLOSE
    assert onnx_export.difference(np.concatenate([a[0] for a in alone]), ours[:3]) <= 1e-4
    reference = bundle.reference
    np.testing.assert_allclose(together[1], reference.p_values(together[0]), rtol=1e-5)
    assert together[2].tolist() == reference.anomalous(together[0]).tolist()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_exported(name, tmp_path):
    layout = "series" if name == "temporal" else ""
    bundle = trained(tmp_path / "model", digit_images(200), name, layout=layout)
    session, _ = exported(bundle, tmp_path)
    odd = 240 - digit_images(20)
    assert_same(session, bundle, np.concatenate([digit_images(20), odd]))


@pytest.mark.parametrize("metric", ["huber", "ssim", "mse+ssim"])
def test_every_error_is_exported(metric, tmp_path):
    settings = TrainingSettings(
        architecture="convolutional", epochs=2, device="cpu", error_metric=metric
    )
    bundle = train(digits(120), tmp_path / "model", settings, Conduct(card=False))
    session, _ = exported(bundle, tmp_path)
    assert_same(session, bundle, np.concatenate([digits(20), 255 - digits(20)]))


@pytest.mark.parametrize("shape", [(8, 8, 3), (3, 8, 8)])
def test_pictures_are_taken_as_they_arrive(shape, tmp_path):
    records = np.random.default_rng(0).integers(0, 255, (60, *shape), dtype=np.uint8)
    bundle = trained(tmp_path / "model", records, "convolutional")
    session, _ = exported(bundle, tmp_path)
    assert session.get_inputs()[0].shape == ["batch", *shape]
    assert_same(session, bundle, records)


@pytest.mark.parametrize("name", ["dense", "ladder"])
def test_categories_and_missing_values_are_prepared_inside(name, tmp_path):
    generator = np.random.default_rng(0)
    rows = np.column_stack(
        [
            generator.normal(3, 2, 300),
            generator.integers(0, 2, 300),
            generator.integers(0, 4, 300),
            generator.normal(-50, 9, 300),
        ]
    )
    for column in (1, 2, 3):
        rows[generator.random(300) < 0.1, column] = np.nan
    bundle = trained(tmp_path / "model", rows, name, schema=SCHEMA)
    session, _ = exported(bundle, tmp_path)
    strange = np.array([[3.0, np.nan, 99.0, -50.0], [90.0, 1.0, np.nan, np.nan], [0.0, 0, -1, 0]])
    assert_same(session, bundle, np.concatenate([strange, rows[:40]]))


def test_a_small_spread_on_a_large_offset_keeps_its_digits(tmp_path):
    records = 1e9 + vectors(100)
    bundle = trained(tmp_path / "model", records)
    session, _ = exported(bundle, tmp_path)
    assert session.get_inputs()[0].type == "tensor(double)"
    assert_same(session, bundle, records, np.float64)


def test_a_value_that_is_no_number_is_anomalous(tmp_path):
    bundle = trained(tmp_path / "model", vectors(100))
    session, _ = exported(bundle, tmp_path)
    row = vectors(1)
    row[0, 1] = np.nan
    error, p_value, anomalous = session.run(None, {"records": row})
    assert np.isnan(error[0])
    assert p_value[0] == pytest.approx(bundle.reference.smallest_p_value)
    assert anomalous[0]


def test_the_file_says_what_it_is(tmp_path):
    bundle = trained(tmp_path / "model", vectors(100), schema=Schema.numbers("abcd"))
    _, file = exported(bundle, tmp_path)
    said = {each.key: each.value for each in file.metadata_props}
    assert said["aead_monitor.version"] == bundle.version
    assert float(said["aead_monitor.threshold"]) == bundle.reference.threshold
    assert json.loads(said["aead_monitor.features"]) == ["a", "b", "c", "d"]
    assert {each.domain for each in file.opset_import} == {""}
    assert str(tmp_path).encode() not in (tmp_path / "model.onnx").read_bytes()
    assert b"site-packages" not in (tmp_path / "model.onnx").read_bytes()


def test_a_model_whose_errors_come_out_otherwise_is_not_written(tmp_path, monkeypatch):
    bundle = trained(tmp_path / "model", vectors(100))
    made = onnx_export._converted(bundle)
    other = trained(tmp_path / "other", vectors(100, seed=1))
    monkeypatch.setattr(onnx_export, "_converted", lambda _: made)
    with pytest.raises(ExportError, match=r"p-values|differ by up to"):
        onnx_export.export(other, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_model_that_torch_cannot_write_is_refused_in_a_line(tmp_path):
    bundle = trained(tmp_path / "model", vectors(100))
    bundle.model.forward = lambda x: x if x.sum() > 0 else -x
    with pytest.raises(ExportError, match="dense cannot be written as ONNX") as caught:
        onnx_export.export(bundle, tmp_path / "model.onnx")
    assert "\n" not in str(caught.value)


def test_the_search_counts_as_torch_does():
    import torch

    ranked = torch.tensor([[0.0, 1, 1, 2], [5, 5, 5, 5]])
    x = torch.tensor([[-1.0, 0, 0.5, 1, 2, 3], [4, 5, 6, 5, 4, 9]])
    for up_to in (False, True):
        expected = torch.searchsorted(ranked, x, right=up_to)
        assert torch.equal(counted(ranked, x, up_to=up_to), expected)


def test_a_missing_library_is_named_with_what_installs_it():
    with pytest.raises(Exception, match=r"pip install 'aead-monitor\[onnx\]'"):
        needed("no_such_library", "onnx", "exporting")


def test_a_bundle_on_disk_is_not_changed(tmp_path):
    bundle = trained(tmp_path / "model", digits(60))
    exported(bundle, tmp_path)
    assert load(tmp_path / "model").version == bundle.version

"""A scorer of others in a bundle: what is taken, what comes out, and what is refused."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import onnx_checks, onnx_export
from models.bundle import load
from models.bundle_files import MODEL
from models.channels import Channels
from models.detector import AnomalyDetector
from models.errors import BundleError, DetectorError, ExportError, GivenModelError, TrainingError
from models.given import Normal
from models.schema import Feature, Schema
from models.wrapping import wrap
from tests.models.builders import digits, vectors
from tests.models.bundles import edit_tensors, reseal
from tests.models.scorers import DOUBLE, distance, model, written
from tests.models.scoring import errors_of

CENTRE = [10, 10.3, 9.8, 9.2]


@pytest.fixture
def wrapped(tmp_path):
    """Wraps a model with normal records."""

    def made(scorer=None, records=None, more=None, **options):
        path = written(scorer or distance(CENTRE), tmp_path / "scorer.onnx")
        given = Normal(vectors(400) if records is None else records, **(more or {}))
        return wrap(path, tmp_path / "model", given, **options)

    return made


@pytest.fixture
def refusal(wrapped, tmp_path):
    """The one line with which a scorer is refused; nothing is written."""

    def line(*given, error=GivenModelError, **options):
        with pytest.raises(error) as caught:
            wrapped(*given, **options)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "model").exists()
        return str(caught.value)

    return line


def test_the_error_is_what_the_file_gives(wrapped):
    bundle = wrapped()
    records = vectors(50, seed=1)
    expected = np.square(records - CENTRE).sum(1)
    np.testing.assert_allclose(errors_of(bundle, records), expected, rtol=1e-4)
    assert bundle.model.settings["scale"] == "score"
    assert bundle.error_metric == "score"
    assert bundle.reference.count == 200
    np.testing.assert_allclose(
        bundle.reference.errors.max(), np.square(vectors(400) - CENTRE).sum(1).max(), rtol=0.2
    )


def test_it_is_a_bundle_like_any_other(wrapped, tmp_path):
    bundle = wrapped()
    again = load(tmp_path / "model")
    assert again.version == bundle.version
    records = vectors(30, seed=2)
    assert np.array_equal(errors_of(again, records), errors_of(bundle, records))
    text = (tmp_path / "model" / "README.md").read_text()
    assert "scorer.onnx" in text
    assert (tmp_path / "model" / "plots" / "errors.png").is_file()
    sha256 = again.metadata["given"]["sha256"]
    assert again.model.settings["bytes"] == (tmp_path / "scorer.onnx").stat().st_size
    assert len(sha256) == 64


@pytest.mark.parametrize("size", [1e-30, 1.0, 3e12])
def test_a_record_reaches_the_scorer_as_it_is(size, wrapped):
    records = (size * vectors(200)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["x", "first"], ["column"], axis=1),
        helper.make_node("Mul", ["column", "large"], ["score"]),
    ]
    weights = [
        numpy_helper.from_array(np.array(1), "first"),
        numpy_helper.from_array(np.float32(1e3), "large"),
    ]
    bundle = wrapped(model(nodes, weights), records)
    expected = np.float32(1e3) * records[:, 1]
    assert np.array_equal(errors_of(bundle, records), expected.astype(np.float64))


def test_scores_below_zero_become_surprisals(wrapped):
    bundle = wrapped(distance(CENTRE, shift=-5.0))
    assert bundle.model.settings["scale"] == "surprisal"
    far = np.array([CENTRE, np.add(CENTRE, 1), np.add(CENTRE, 3), np.add(CENTRE, 30)])
    errors = errors_of(bundle, far)
    assert (np.diff(errors) > 0).all()
    assert errors[0] >= 0
    assert bundle.reference.anomalous(errors).tolist() == [False, False, True, True]


def test_low_scores_are_anomalous_where_that_is_said(wrapped):
    made = distance(CENTRE)
    made.graph.node[3].op_type = "Sub"
    made.graph.node[3].input[:] = ["shift", "sum"]  # as scikit-learn has it: high is normal
    bundle = wrapped(made, anomalous="low")
    assert bundle.model.settings["scale"] == "score"
    assert errors_of(bundle, np.array([CENTRE, np.add(CENTRE, 3)]))[1] > bundle.reference.threshold


def test_float64_and_pictures_are_taken_in_either_order_of_axes(wrapped, tmp_path):
    bundle = wrapped(distance(digits(1)[0] * 0, DOUBLE), digits(100))
    expected = np.square(digits(100)).sum((1, 2))
    np.testing.assert_allclose(errors_of(bundle, digits(100)), expected)
    assert bundle.model.settings["order"] == "record"
    first = wrapped(distance(np.zeros((1, 8, 8))), digits(100))
    assert first.model.settings["order"] == "network"
    np.testing.assert_allclose(errors_of(first, digits(100)), expected, rtol=1e-5)


def test_its_channels_are_those_of_the_inputs(wrapped):
    channels = wrapped(more={"schema": Schema.numbers("abcd")}).channels
    assert isinstance(channels, Channels)
    assert {view.group for view in channels.each} == {"input"}
    assert [view.name for view in channels.each] == ["a", "b", "c", "d"]


def test_the_order_of_the_stream_is_kept(wrapped):
    assert wrapped(more={"ordered": True}).reference.ordered


def test_a_value_that_is_no_number_gives_an_error_that_is_none(wrapped):
    row = vectors(1)
    row[0, 0] = np.nan
    assert np.isnan(errors_of(wrapped(), row)).all()
    assert np.isnan(errors_of(wrapped(scale="surprisal"), row)).all()


def test_the_detector_takes_it_and_explains_nothing(wrapped, tmp_path):
    wrapped()
    found = AnomalyDetector.load(tmp_path / "model")
    assert found.predict(np.array([CENTRE, np.add(CENTRE, 9)])).tolist() == [1, -1]
    with pytest.raises(DetectorError, match="no more of a record than its error"):
        found.explain(vectors(3))


def test_it_is_not_exported_as_what_it_is(wrapped, tmp_path):
    with pytest.raises(ExportError, match="an ONNX file already"):
        onnx_export.export(wrapped(), tmp_path / "again.onnx")


def test_files_that_are_no_scorers_are_refused(refusal, tmp_path):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"not an ONNX file at all")
    with pytest.raises(GivenModelError, match=r"not an? (valid )?ONNX"):
        wrap(path, tmp_path / "model", Normal(vectors(400)))
    with pytest.raises(GivenModelError, match="no such file"):
        wrap(tmp_path / "away.onnx", tmp_path / "model", Normal(vectors(400)))
    path.write_bytes(b"")
    with pytest.raises(GivenModelError, match="ONNX"):
        wrap(path, tmp_path / "model", Normal(vectors(400)))


def test_a_file_that_is_too_large_is_not_read(wrapped, refusal, monkeypatch):
    monkeypatch.setattr(onnx_checks, "MOST_BYTES", 100)
    assert "is larger than" in refusal()


@pytest.mark.parametrize(
    ("operator", "domain", "words"),
    [
        ("Loop", "", "may never end"),
        ("RandomUniformLike", "", "is random"),
        ("FusedGelu", "com.microsoft", "custom operators are not run"),
        ("Anything", "someone.else", "custom operators are not run"),
    ],
)
def test_operators_that_are_not_plain_arithmetic_are_refused(operator, domain, words, refusal):
    made = model([helper.make_node(operator, ["x"], ["score"], domain=domain)])
    made.opset_import.append(helper.make_opsetid(domain or "ai.onnx.ml", 1))
    assert words in refusal(made)


def test_one_hidden_in_a_branch_is_found(refusal):
    inner = helper.make_graph(
        [helper.make_node("Evil", ["x"], ["y"], domain="someone.else")],
        "branch", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )  # fmt: skip
    node = helper.make_node("If", ["flag"], ["score"], then_branch=inner, else_branch=inner)
    made = model([node], [numpy_helper.from_array(np.array(True), "flag")])
    assert "'Evil' of 'someone.else'" in refusal(made)


def test_weights_in_another_file_are_refused(refusal, tmp_path):
    made = distance(CENTRE)
    weight = made.graph.initializer[0]
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    weight.ClearField("raw_data")
    assert "its weights are in another file" in refusal(made)


@pytest.mark.parametrize("opset", [6, 99])
def test_operators_of_another_time_are_refused(opset, refusal):
    made = distance(CENTRE)
    made.opset_import[0].version = opset
    assert f"opset {opset}; those from 7 to" in refusal(made)


def test_names_and_shapes_must_fit(refusal):
    assert "no input 'features'. It has x" in refusal(input="features")
    assert "no output 'label'. It has score" in refusal(output="label")
    assert "[4]: it must take [records, *[4]]" in refusal(distance(CENTRE[:3]))
    assert "batches of 1 records alone" in refusal(distance(CENTRE, batch=1))
    whole = model([helper.make_node("Identity", ["x"], ["score"])])
    whole.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 4
    assert "must be one score a record" in refusal(whole)
    two = model([helper.make_node("Identity", ["x"], ["score"])], more=("y",))
    assert "2 inputs: x, y. Say --input" in refusal(two)
    assert "takes 2 inputs" in refusal(two, input="x")
    labels = model([helper.make_node("Identity", ["x"], ["score"])], kind=TensorProto.INT64)
    assert "must be float32 or float64" in refusal(labels)


def test_a_scorer_that_looks_at_its_neighbours_is_refused(refusal):
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0),
        helper.make_node("Div", ["sum", "largest"], ["score"]),
    ]
    axes = numpy_helper.from_array(np.array([1]), "axes")
    records = vectors(400) * np.random.default_rng(0).uniform(1, 50, (400, 1))
    assert "depends on the records beside it" in refusal(model(nodes, [axes]), records)


def test_one_that_tells_nothing_apart_is_refused(refusal):
    zero = numpy_helper.from_array(np.float32(0), "zero")
    nodes = [
        helper.make_node("Mul", ["x", "zero"], ["nothing"]),
        helper.make_node("ReduceSum", ["nothing", "axes"], ["score"], keepdims=0),
    ]
    axes = numpy_helper.from_array(np.array([1]), "axes")
    assert "tells none of them apart" in refusal(model(nodes, [zero, axes]))


def test_too_few_records_and_columns_that_are_no_numbers_are_refused(refusal):
    assert "too few" in refusal(None, vectors(30), error=TrainingError)
    schema = Schema((*Schema.numbers("abc").features, Feature("d", missing=True)))
    assert "choose such columns" in refusal(more={"schema": schema})


def test_a_bundle_whose_graph_was_edited_is_refused(wrapped, tmp_path):
    wrapped()
    evil = model([helper.make_node("Evil", ["x"], ["score"], domain="someone.else")])
    evil.opset_import.append(helper.make_opsetid("someone.else", 1))
    data = np.frombuffer(evil.SerializeToString(), dtype=np.uint8).copy()

    def change(tensors):
        import torch

        tensors["graph"] = torch.from_numpy(data)

    settings = json.loads((tmp_path / "model" / "bundle.json").read_text())
    settings = {**settings["architecture_settings"], "bytes": len(data)}
    edit_tensors(tmp_path / "model", MODEL, change)
    reseal(tmp_path / "model", architecture_settings=settings)
    with pytest.raises(BundleError, match="custom operators are not run"):
        load(tmp_path / "model")


def test_a_sound_file_passes_the_checks():
    assert isinstance(
        onnx_checks.checked(distance(CENTRE).SerializeToString(), "it"), onnx.ModelProto
    )

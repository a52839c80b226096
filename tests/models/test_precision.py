"""bfloat16 needs a calibration of its own, and a device that is made for it."""

import numpy as np
import pytest
import torch

from models import bundle
from models.errors import BundleError, TrainingError
from models.precision import BFLOAT16, FLOAT32, TIE_TOLERANCES, is_fast
from models.recipe import train
from models.reference import TIE_TOLERANCE
from models.settings import TrainingSettings
from monitor.pipeline.scorer import Scorer
from tests.models.builders import vectors
from tests.models.bundles import edit_tensors, refusal, reseal, write

SETTINGS = TrainingSettings(epochs=3, device="cpu", architecture="dense")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("both") / "model"
    settings = TrainingSettings(**{**vars(SETTINGS), "precision": BFLOAT16, "quantile": 0.9})
    train(vectors(400, 40), folder, settings)
    return folder


def test_each_precision_is_compared_with_its_own_calibration(both):
    loaded = bundle.load(both)
    reduced = loaded.in_precision(BFLOAT16)
    assert loaded.precision == FLOAT32
    assert reduced.precision == BFLOAT16
    assert reduced.version == loaded.version
    assert reduced.reference.count == loaded.reference.count
    assert reduced.reference.threshold != loaded.reference.threshold
    np.testing.assert_allclose(reduced.reference.errors, loaded.reference.errors, rtol=0.1)
    assert loaded.reference.tie_tolerance == TIE_TOLERANCE
    assert reduced.reference.tie_tolerance == TIE_TOLERANCES[BFLOAT16]


def test_scores_are_those_of_the_precision(both):
    loaded, rows = bundle.load(both), vectors(400, 40)[:100]
    wide = Scorer(loaded, "cpu")
    narrow = Scorer(loaded.in_precision(BFLOAT16), "cpu")
    assert (wide.about["precision"], narrow.about["precision"]) == (FLOAT32, BFLOAT16)
    errors = narrow.score(rows).reconstruction_error
    assert (errors != wide.score(rows).reconstruction_error).any()
    reference = loaded.references[BFLOAT16]
    np.testing.assert_array_equal(narrow.score(rows).p_value, reference.p_values(errors))
    np.testing.assert_array_equal(narrow.score(rows).anomalous, reference.anomalous(errors))


def test_a_record_of_the_calibration_is_judged_alike_in_every_batch(both):
    narrow = Scorer(bundle.load(both).in_precision(BFLOAT16), "cpu")
    rows = vectors(400, 40)
    whole = narrow.score(rows)
    alone = [narrow.score(rows[i : i + 1]).reconstruction_error[0] for i in range(len(rows))]
    slack = 1 + TIE_TOLERANCES[BFLOAT16]
    assert (np.array(alone) <= whole.reconstruction_error * slack).all()
    assert (np.array(alone) * slack >= whole.reconstruction_error).all()


def test_a_bundle_without_that_calibration_is_refused_with_what_to_do(folder):
    with pytest.raises(BundleError, match="Train it again with --precision bfloat16"):
        bundle.load(folder).in_precision(BFLOAT16)


def test_float32_needs_no_more_than_it_did(folder):
    loaded = bundle.load(folder)
    assert loaded.in_precision(FLOAT32) is loaded
    assert list(loaded.references) == [FLOAT32]


def test_the_calibration_is_part_of_the_version(both, tmp_path):
    before = bundle.load(both)
    saved = bundle.save(
        tmp_path / "alone",
        model=before.model,
        input_spec=before.input_spec,
        reference=before.reference,
        error_metric=before.error_metric,
        metadata=before.metadata,
    )
    assert saved.version != before.version


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("bfloat16"),
        lambda t: t.update(bfloat16=t["bfloat16"].float()),
        lambda t: t.update(bfloat16=t["bfloat16"] * 2),
        lambda t: t.update(more=t["errors"] + 1),
    ],
)
def test_a_damaged_calibration_is_refused(both, tmp_path, change):
    copied = tmp_path / "copy"
    loaded = bundle.load(both)
    bundle.save(
        copied,
        model=loaded.model,
        input_spec=loaded.input_spec,
        reference=loaded.reference,
        error_metric=loaded.error_metric,
        metadata=loaded.metadata,
        reduced=loaded.references[BFLOAT16],
    )
    edit_tensors(copied, "reference.safetensors", change)
    assert "reference.safetensors" in refusal(copied)


def test_a_calibration_that_only_the_description_names_is_refused(tmp_path):
    described = write(tmp_path / "model")
    reference = described.reference
    claim = {"count": reference.count, "quantile": 0.5, "threshold": 0.5, "note": ""}
    reseal(tmp_path / "model", reference_bfloat16=claim)
    assert "one float64 list called bfloat16" in refusal(tmp_path / "model")


def test_an_unknown_precision_is_refused():
    with pytest.raises(TrainingError, match="float32 or bfloat16"):
        TrainingSettings(precision="float8")


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("fpu avx512f avx512_bf16 sse", True), ("fpu amx_bf16", True), ("fpu avx512f", False)],
)
def test_the_processor_says_whether_it_has_the_instructions(tmp_path, flags, fast):
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: {flags}\n")
    cpu = torch.device("cpu")
    assert is_fast(BFLOAT16, cpu, tmp_path / "cpuinfo") is fast
    assert is_fast(FLOAT32, cpu, tmp_path / "cpuinfo")
    assert not is_fast(BFLOAT16, cpu, tmp_path / "none")

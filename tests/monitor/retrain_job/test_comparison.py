"""Older records and labelled anomalies, from the data sets that `train` takes."""

from pathlib import Path

import numpy as np
import pytest

from models.bundle import load
from models.input_spec import InputSpec
from monitor.datasets.fitting import as_recorded, in_type
from monitor.errors import DataError
from monitor.retrain_job.comparison import load_before, load_labelled
from tests.data import digit_images


@pytest.fixture(scope="module")
def spec(digits_bundle: Path) -> InputSpec:
    return load(digits_bundle).input_spec


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sixty images: kinds 1 and 2 are anomalies, some of kind 2 are also scratched."""
    path = tmp_path_factory.mktemp("stored") / "images.npz"
    kind = np.repeat([0, 1, 2], 20)
    scratched = np.zeros(60, dtype=bool)
    scratched[[0, 45, 46]] = True
    np.savez(path, x=digit_images(60), kind=kind, scratched=scratched, all=np.ones(60))
    return f"{path}:x"


def test_older_records_are_chosen_evenly_up_to_a_limit(spec: InputSpec, tmp_path: Path) -> None:
    path = tmp_path / "old.npy"
    np.save(path, digit_images(500))
    before = load_before(str(path), None, spec, 100)
    assert len(before.rows) == 100
    assert np.array_equal(before.rows[[0, -1]], digit_images(500)[[0, -1]])


def test_a_label_is_anomalous_where_it_is_not_zero(spec: InputSpec, stored: str) -> None:
    labelled = load_labelled(stored, ["kind"], spec)
    assert len(labelled.anomalous["kind"]) == 40
    assert labelled.normal is not None
    assert np.array_equal(labelled.normal, digit_images(20))


def test_every_label_is_a_kind_and_normal_is_what_has_none(spec: InputSpec, stored: str) -> None:
    labels = ["kind=1", "kind==2", "scratched"]
    labelled = load_labelled(stored, labels, spec)
    assert [len(labelled.anomalous[label]) for label in labels] == [20, 20, 3]
    assert labelled.normal is not None
    assert len(labelled.normal) == 19


def test_without_normal_records_those_of_the_stream_stand_in(spec: InputSpec, stored: str) -> None:
    assert load_labelled(stored, ["all"], spec).normal is None


def test_a_label_that_is_not_there_is_refused(spec: InputSpec, stored: str) -> None:
    with pytest.raises(DataError, match="colour"):
        load_labelled(stored, ["colour"], spec)


def test_records_are_brought_to_the_shape_in_which_they_arrive(spec: InputSpec) -> None:
    images = digit_images(3)
    assert np.array_equal(as_recorded(images[:, None], spec, "data"), images)
    with pytest.raises(DataError, match="each record must have shape"):
        as_recorded(np.zeros((3, 9, 9)), spec, "data")


def test_a_type_is_restored_only_if_nothing_is_lost(spec: InputSpec) -> None:
    images = digit_images(3)
    assert in_type(images.astype(np.float64), spec).dtype == np.uint8
    for other in (images + 0.5, images.astype(np.float64) * 3, images.astype(np.int64) - 1):
        assert in_type(other, spec) is other

"""`--where`: the records of some labels."""

import numpy as np
import pytest

from monitor.datasets import load
from monitor.datasets.selection import Selection
from monitor.errors import DataError

LABELS = np.array([3, 1, 2, 1, 3])


def rows(text, labels=LABELS):
    return Selection.parse(text).rows(labels, len(labels)).tolist()


def refused(text, labels=LABELS, count=5):
    with pytest.raises(DataError) as caught:
        Selection.parse(text).rows(labels, count)
    assert str(caught.value).startswith(f"--where {text}: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("y=1", [1, 3]),
        ("y==1", [1, 3]),
        (" y = 1, 2", [1, 2, 3]),
        ("y!=1", [0, 2, 4]),
        ("y!=1,3", [2]),
        ("y=1.0", [1, 3]),
        ("y=1,77", [1, 3]),
    ],
)
def test_records_are_chosen_by_label_in_their_order(text, chosen):
    assert rows(text) == chosen
    assert rows(text, LABELS[:, np.newaxis]) == chosen


def test_labels_may_be_texts_or_truth_values():
    assert rows("y=good", np.array(["good", "bad", " good "])) == [0, 2]
    assert rows("y=true", np.array([False, True, True])) == [1, 2]
    assert rows("y=0", np.array([False, True, True])) == [0]


@pytest.mark.parametrize("text", ["", "y", "=1", "y=", "y=1,", "y<1", "y=a=b"])
def test_anything_else_is_refused_with_an_example(text):
    assert "for example y_train=1" in refused(text)


def test_choosing_nothing_is_refused_and_says_which_labels_there_are():
    assert refused("y=7").endswith("no record is chosen; the labels are 1, 2, 3")
    assert "no record is chosen" in refused("y!=1,2,3")


def test_labels_that_do_not_fit_are_refused():
    assert "one label for each of the 9 records expected" in refused("y=1", count=9)
    assert "labels are numbers, and 'one' is not" in refused("y=one")


@pytest.fixture
def files(tmp_path):
    """x.npz with x and y, z.npy with other labels, and a table with a column y."""
    records = np.arange(10.0).reshape(5, 2)
    np.savez(tmp_path / "x.npz", x=records, y=LABELS)
    np.save(tmp_path / "x.npy", records)
    np.save(tmp_path / "z.npy", LABELS)
    (tmp_path / "t.csv").write_text(
        "a,y,b\n" + "".join(f"{i},{y},0\n" for i, y in enumerate(LABELS))
    )
    return tmp_path


def test_labels_come_from_the_same_archive(files):
    data = load(f"{files}/x.npz:x", "y=1")
    assert data.records.tolist() == [[2, 3], [6, 7]]
    assert data.index.tolist() == [1, 3]
    assert data.name(1) == "record 3"


@pytest.mark.parametrize("labels", ["x.npz:y", "z.npy"])
@pytest.mark.parametrize("data", ["x.npy", "x.npz:x", "t.csv"])
def test_labels_come_from_a_file_of_their_own(files, data, labels):
    assert load(f"{files}/{data}", f"{files}/{labels}!=1").index.tolist() == [0, 2, 4]


def test_a_column_that_labels_is_no_feature(files):
    data = load(f"{files}/t.csv", "y=3")
    assert data.features == ("a", "b")
    assert data.records.tolist() == [[0, 0], [4, 0]]


@pytest.mark.parametrize("data", ["x.npy", "x.npz:x", "t.csv"])
def test_labels_that_are_nowhere_are_refused(files, data):
    with pytest.raises(DataError, match="'label' is neither in the data file nor an array file"):
        load(f"{files}/{data}", "label=1")

""".npy and .npz files."""

import numpy as np
import pytest

from monitor.datasets import load
from monitor.errors import DataError

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def save(tmp_path):
    """Writes an array, or arrays by name, and returns the path as text."""

    def save(*arrays, **named):
        if named:
            np.savez(tmp_path / "data.npz", **named)
            return str(tmp_path / "data.npz")
        np.save(tmp_path / "data.npy", arrays[0])
        return str(tmp_path / "data.npy")

    return save


def refused(path, where=None):
    with pytest.raises(DataError) as caught:
        load(path, where)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("shape", [(4, 3), (4, 5, 6), (4, 5, 6, 3), (4, 1, 5, 6)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64", "bool"])
def test_vectors_and_images_of_any_number_type_are_read(save, shape, dtype):
    array = np.ones(shape, dtype)
    data = load(save(array))
    np.testing.assert_array_equal(data.records, array)
    assert data.records.dtype == dtype
    assert (data.features, data.names, data.index.tolist()) == ((), (), [0, 1, 2, 3])


def test_a_npy_file_is_mapped_and_not_read_as_a_whole(save):
    assert isinstance(load(save(ROWS)).records, np.memmap)


def test_the_only_array_of_a_npz_file_needs_no_key(save):
    np.testing.assert_array_equal(load(save(x=ROWS)).records, ROWS)


def test_a_key_chooses_the_array(save):
    path = save(x=ROWS, y=2 * ROWS)
    np.testing.assert_array_equal(load(f"{path}:y").records, 2 * ROWS)


def test_a_missing_or_wrong_key_lists_those_there_are(save):
    path = save(x=ROWS, y=ROWS)
    assert "there are 2 arrays" in refused(path)
    assert refused(f"{path}:z").endswith(
        f"there is no array 'z'. Choose one with {path}:KEY; the keys are x, y"
    )


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array(3.0), "got shape ()"),
        (np.zeros(5), "Use array.reshape(-1, 1)"),
        (np.zeros((1, 2, 3, 4, 5)), "got shape (1, 2, 3, 4, 5)"),
        (np.zeros((0, 3)), "there are no values in shape (0, 3)"),
        (np.zeros((3, 0)), "there are no values in shape (3, 0)"),
        (np.zeros((2, 2), complex), "got dtype complex128"),
        (np.array([["a", "b"]]), "got dtype <U1"),
        (np.array([[None, 1]]), "Python objects, which are never read"),
    ],
    ids=str,
)
def test_what_cannot_be_records_is_refused_with_the_file(save, array, text):
    path = save(array)
    assert refused(path).startswith(path)
    assert text in refused(path)
    path = save(x=array)
    assert text in refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named_with_its_record(save, value):
    rows = ROWS.copy()
    rows[2, 1] = value
    path = save(rows)
    assert refused(path).startswith(
        f"{path}: record 2 (counting from 0) holds {value} in column 1."
    )


def test_a_bad_record_is_named_by_its_position_in_the_file_after_a_selection(save):
    images = np.zeros((4, 2, 2))
    images[3, 0, 1] = np.nan
    path = save(x=images, y=np.array([0, 1, 0, 1]))
    assert "record 3 (counting from 0) holds nan at (0, 1)" in refused(f"{path}:x", "y=1")
    assert len(load(f"{path}:x", "y=0").records) == 2


@pytest.mark.parametrize("end", [0, 5, 60, -1])
@pytest.mark.parametrize("form", ["npy", "npz"])
def test_a_truncated_file_is_refused(save, tmp_path, form, end):
    path = save(ROWS) if form == "npy" else save(x=ROWS)
    content = (tmp_path / f"data.{form}").read_bytes()
    (tmp_path / f"data.{form}").write_bytes(content[:end])
    assert refused(path).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "header", ["{'descr': '<f8', (", "{'descr': (), 'fortran_order': False, 'shape': (2, 2)}"]
)
def test_a_damaged_header_is_refused(tmp_path, header):
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header.encode()
    )
    assert "cannot be read as a .npy file" in refused(str(tmp_path / "a.npy"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent.npy", "there is no such file"),
        ("absent.npz:x", "there is no such file"),
        ("notes.doc", "not one of .npy, .npz, .csv, .tsv, .parquet"),
    ],
)
def test_what_is_no_data_file_is_refused(tmp_path, name, text):
    (tmp_path / "notes.doc").write_text("1,2\n")
    assert text in refused(str(tmp_path / name))

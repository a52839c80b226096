"""CSV and Parquet files."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from monitor.datasets import load
from monitor.errors import DataError


@pytest.fixture
def csv(tmp_path):
    """Writes a CSV file and returns its path as text."""

    def write(text):
        (tmp_path / "data.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(tmp_path / "data.csv")

    return write


@pytest.fixture
def parquet(tmp_path):
    """Writes columns to a Parquet file and returns its path as text."""

    def write(**columns):
        pyarrow.parquet.write_table(pa.table(columns), tmp_path / "data.parquet")
        return str(tmp_path / "data.parquet")

    return write


def refused(path, where=None):
    with pytest.raises(DataError) as caught:
        load(path, where)
    assert str(caught.value).startswith(path)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2.5\n3,-4e1\n",
        "a;b\r\n1;2.5\r\n3;-4e1",
        "a\tb\n1\t2.5\n\n3\t-4e1\n\n",
        '\ufeff"a","b"\n"1", 2.5 \n+3,-40\n',
    ],
)
def test_usual_kinds_of_csv_are_read(csv, text):
    data = load(csv(text))
    assert data.features == ("a", "b")
    assert data.records.tolist() == [[1, 2.5], [3, -40]]
    assert data.records.dtype == np.float64


def test_without_a_header_columns_have_no_names(csv):
    data = load(csv("1,2.5\n3,4\n"))
    assert data.features == ()
    assert data.records.tolist() == [[1, 2.5], [3, 4]]
    data = load(csv("1,2.5\n3,4\n"), "1=4")
    assert (data.features, data.records.tolist()) == (("0",), [[3]])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a,b\n1,2\n3,x\n", "column 'b', line 3: 'x' is not a finite number"),
        ("a,b\n1,2\n3,\n", "values are missing in b 50.00%"),
        ("a,b\n1,nan\n1,2\n", "values are missing in b 50.00%"),
        ("1,2\n3,inf\n", "column '1', line 2: 'inf' is not a finite number"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_column_and_line(csv, text, place):
    assert place in refused(csv(text))


def test_bad_cells_of_records_that_are_not_chosen_do_not_matter(csv):
    path = csv("a,y\n1,good\nx,bad\n2,bad\n")
    assert load(path, "y=good").records.tolist() == [[1]]
    assert "column 'a', line 3" in refused(path, "y=bad")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("a,b\n", "there are no records"),
        ("a,b\n1,2\n3\n", "cannot be read as CSV"),
        (b"a,b\n\x81,2\n", "cannot be read as CSV"),
        (b"a,b\n\0,2\n", "cannot be read as CSV"),
    ],
)
def test_what_is_no_csv_is_refused(csv, text, fault):
    assert fault in refused(csv(text))


def test_a_table_of_nothing_but_labels_is_refused(csv):
    assert "there are no records" in refused(csv("y\n1\n"), "y=1")


def test_parquet_columns_become_features(parquet):
    data = load(parquet(a=[1, 2], b=[0.5, 1.5], c=[True, False]))
    assert data.features == ("a", "b", "c")
    assert data.records.tolist() == [[1, 0.5, 1], [2, 1.5, 0]]


def test_parquet_keeps_one_narrow_type(parquet):
    path = parquet(a=pa.array([1, 2], pa.uint8()), b=pa.array([3, 4], pa.uint8()))
    assert load(path).records.dtype == np.uint8


def test_the_index_of_pandas_is_no_feature(parquet):
    assert load(parquet(a=[1, 2], __index_level_0__=[5, 7])).features == ("a",)


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ([1.5, None], "values are missing in bad 50.00%"),
        ([1.5, np.nan], "values are missing in bad 50.00%"),
        ([1.5, np.inf], "column 'bad', row 1 (counting from 0): 'inf' is not a finite number"),
        (["x", "y"], "column 'bad': free text, 2 different values"),
        ([{"x": 1}, {"x": 2}], "column 'bad': parts of its own"),
        ([[1, 2], [3]], "row 1 (counting from 0): a list of 2 numbers expected, got 1"),
    ],
)
def test_a_parquet_column_that_is_not_all_numbers_is_named(parquet, column, fault):
    assert fault in refused(parquet(good=[1, 2], bad=column))


def test_text_labels_of_a_parquet_file_choose_records(parquet):
    data = load(parquet(a=[1, 2, 3], kind=["x", "y", "x"]), "kind=x")
    assert (data.features, data.records.tolist()) == (("a",), [[1], [3]])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"junk" * 10])
def test_what_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "data.parquet").write_bytes(content)
    assert "cannot be read as Parquet" in refused(str(tmp_path / "data.parquet"))

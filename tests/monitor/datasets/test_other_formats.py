"""Files in formats that are not read: refused by their name, with what to do."""

from pathlib import Path

import pytest

from monitor.datasets import Reading, learning
from monitor.errors import DataError

ADVICE = {
    "events.jsonl": "json_normalize",
    "events.JSON": "json_normalize",
    "sheet.xlsx": "Save the sheet as CSV",
    "table.csv.zip": "Unpack it first",
    "model.pt": "never read",
    "frame.pkl": "never read",
    "data.h5": "as .npy",
    "data.avro": "Write it as Parquet",
    "photo.heic": "Convert the pictures to PNG",
}


@pytest.mark.parametrize("name", ADVICE)
def test_a_known_format_that_is_not_read_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(DataError, match="not one of") as caught:
        learning.read(str(tmp_path / name), Reading(say=print))
    assert ADVICE[name] in str(caught.value)


def test_an_unknown_one_is_refused_without(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"anything")
    with pytest.raises(DataError, match=r"or a folder of images$"):
        learning.read(str(tmp_path / "a.xyz"), Reading(say=print))

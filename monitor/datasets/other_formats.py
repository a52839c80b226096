"""Formats that are not read, and what to do with each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

_JSON: Final = (
    "JSON is read from Kafka, not from files. Write it as Parquet, one column a value, for example"
    " with pandas: json_normalize, then to_parquet"
)
_SHEET: Final = "Save the sheet as CSV"
_PACKED: Final = "Unpack it first; of packed tables .gz alone is read"
_CODE: Final = (
    "Such files can run code when they are loaded and are never read. Save the numbers as .npy or"
    " the table as Parquet"
)
_ARRAYS: Final = "Save the array as .npy"
_TABLE: Final = "Write it as Parquet"
_ADVICE: Final[Mapping[str, str]] = {
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), _JSON),
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"), _SHEET),
    **dict.fromkeys((".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"), _PACKED),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".pt", ".pth", ".rds", ".rdata"), _CODE),
    **dict.fromkeys((".h5", ".hdf5", ".mat", ".nc", ".zarr", ".tfrecord"), _ARRAYS),
    **dict.fromkeys((".avro", ".orc", ".sqlite", ".db", ".duckdb", ".arff", ".sav"), _TABLE),
    **dict.fromkeys((".heic", ".gif", ".svg", ".dcm", ".raw"), "Convert the pictures to PNG"),
}


def advice(path: str) -> str:
    """A sentence for a format that is known and not read, with a blank before it, or ""."""
    found = _ADVICE.get(PurePosixPath(path).suffix.lower())
    return f". {found}" if found else ""

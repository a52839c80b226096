"""Files as people have them, and what becomes of each: docs/data.md is checked against this."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from PIL import Image

from models.input_spec import InputSpec
from models.schema import Feature, Schema

ROWS = 40
Write = Callable[[Path], Any]


@dataclass(frozen=True)
class Situation:
    """write: makes the files in an empty folder; what it returns is read, or the folder.

    said: fields of Reading. features: what comes of it, in order; None if it is refused. told: is
    said on the way. fault: why it is refused. spec: of a model that takes it. records: their shape
    and type.
    """

    name: str
    write: Write
    features: str | None = None
    told: str = ""
    fault: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    spec: InputSpec | None = None
    records: str = ""


def numbers(columns: int = 3, seed: int = 0, scale: float = 1.0) -> Any:
    return np.random.default_rng(seed).normal(size=(ROWS, columns)).round(4) * scale


def lines(header: str, rows: Any, delimiter: str = ",", before: str = "", after: str = "") -> str:
    body = "".join(delimiter.join(map(str, row)) + "\n" for row in rows)
    return f"{before}{header}\n{after}{body}" if header else f"{before}{body}"


def csv(text: str, name: str = "data.csv", encoding: str = "utf-8") -> Write:
    def write(folder: Path) -> str:
        content = text.encode(encoding)
        packed = gzip.compress(content) if name.endswith(".gz") else content
        (folder / name).write_bytes(packed)
        return str(folder / name)

    return write


def with_column(values: list[Any], name: str = "x") -> Write:
    """Two columns of numbers, and this one."""
    rows = [(*row, value) for row, value in zip(numbers(2).tolist(), values, strict=True)]
    return csv(lines(f"a,b,{name}", rows))


def table(values: Mapping[str, Any], name: str = "data.parquet") -> Write:
    def write(folder: Path) -> str:
        made = pa.table(dict(values))
        if name.endswith(".feather"):
            pyarrow.feather.write_feather(made, folder / name)
        else:
            pyarrow.parquet.write_table(made, folder / name)
        return str(folder / name)

    return write


def pandas(index: list[Any], names: str = "machine_id") -> Write:
    """As pandas writes a frame with an index."""

    def write(folder: Path) -> str:
        columns = {"a": numbers(1)[:, 0], names: index} if index else {"a": numbers(1)[:, 0]}
        stored = [names] if index else [{"kind": "range", "start": 0, "stop": ROWS, "step": 1}]
        import json

        metadata = {"pandas": json.dumps({"index_columns": stored, "columns": []})}
        made = pa.table(columns).replace_schema_metadata(metadata)
        pyarrow.parquet.write_table(made, folder / "data.parquet")
        return str(folder / "data.parquet")

    return write


def parts(names: Mapping[str, Write | bytes]) -> Write:
    """Several files in a folder, which is read."""

    def write(folder: Path) -> None:
        for name, content in names.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                (folder / name).write_bytes(content)
            else:
                Path(content((folder / name).parent)).rename(folder / name)

    return write


def array(values: Any) -> Write:
    def write(folder: Path) -> str:
        np.save(folder / "data.npy", values, allow_pickle=True)
        return str(folder / "data.npy")

    return write


def pictures(*names: str, size: tuple[int, int] = (4, 3), orientation: int = 1) -> Write:
    def write(folder: Path) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        for level, name in enumerate(names):
            (folder / name).parent.mkdir(exist_ok=True)
            if name.endswith(".txt"):
                (folder / name).write_text("notes")
            else:
                Image.new("L", size, level).save(folder / name, exif=exif)

    return write


def two_sizes(folder: Path) -> None:
    pictures("a.png")(folder)
    pictures("b.png", size=(9, 9))(folder)


def deep(folder: Path) -> None:
    Image.fromarray(np.full((3, 4), 999, np.uint16)).save(folder / "a.png")


def model(*features: str | Feature, scale: float = 1.0) -> InputSpec:
    schema = Schema(tuple(Feature(f) if isinstance(f, str) else f for f in features))
    rows = numbers(len(features), seed=1, scale=scale)
    for position, feature in enumerate(schema.features):
        if feature.kind == "category":
            rows[:, position] = 0
    return InputSpec.fit(rows, schema)


def money() -> list[Decimal]:
    return [Decimal(i * 7 % ROWS) / 4 for i in range(ROWS)]

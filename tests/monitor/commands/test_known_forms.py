"""Data in the forms that people know, trained and scored with at most two options of their own."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from models.bundle import load
from monitor.cli import main

ROWS = 120
QUICK = ("--epochs", "1", "--device", "cpu", "--threads", "1")
"""No options of a person's: they only save time."""
RNG = np.random.default_rng(0)


def text(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def joined(rows: object, delimiter: str = ",") -> list[str]:
    return [delimiter.join(map(str, row)) for row in rows]


def stamps() -> list[str]:
    return [f"2026-03-09 10:{i // 60:02}:{i % 60:02}" for i in range(ROWS)]


def skab(folder: Path) -> Path:
    names = "datetime;Accelerometer1RMS;Current;Pressure;Volume Flow RateRMS;anomaly;changepoint"
    flags = [(float(i > 100), float(i == 101)) for i in range(ROWS)]
    rows = [
        (at, *numbers, *flag)
        for at, numbers, flag in zip(stamps(), RNG.normal(size=(ROWS, 4)), flags, strict=True)
    ]
    return text(folder, "skab.csv", [names, *joined(rows, ";")])


def nab(folder: Path) -> Path:
    rows = zip(stamps(), RNG.normal(size=ROWS).round(3), strict=True)
    return text(folder, "nab.csv", ["timestamp,value", *joined(rows)])


def nsl_kdd(folder: Path) -> Path:
    kinds = [("tcp", "http", "SF"), ("udp", "domain_u", "SF"), ("icmp", "eco_i", "REJ")]
    rows = []
    for i in range(ROWS):
        label = "normal" if i % 3 else "neptune"
        rows.append((i % 2, *kinds[i % 3], *RNG.integers(0, 99, 4), 0.5, label, 20 + i % 2))
    return text(folder, "KDDTrain+.txt", joined(rows))


def kaggle(folder: Path) -> Path:
    names = ["id", "Time", *(f"V{i}" for i in range(1, 6)), "Amount", "Class"]
    rows = [(i, 2 * i, *RNG.normal(size=5).round(5), 9.99, int(i % 40 == 0)) for i in range(ROWS)]
    return text(folder, "creditcard.csv", [",".join(names), *joined(rows)])


def spark(folder: Path) -> Path:
    out = folder / "export"
    out.mkdir()
    (out / "_SUCCESS").touch()
    for part in range(3):
        columns = {name: RNG.normal(size=ROWS // 3) for name in ("a", "b", "c")}
        pyarrow.parquet.write_table(pa.table(columns), out / f"part-{part:05}-c0.snappy.parquet")
    return out


def embeddings(folder: Path) -> Path:
    vectors = pa.array(
        RNG.normal(size=(ROWS, 16)).astype("float32").tolist(), pa.list_(pa.float32())
    )
    columns = {"text": [f"a sentence, {i}" for i in range(ROWS)], "embedding": vectors}
    pyarrow.parquet.write_table(pa.table(columns), folder / "embeddings.parquet")
    return folder / "embeddings.parquet"


def wide(folder: Path) -> Path:
    rows = RNG.normal(size=(60, 4096)).round(3)
    return text(folder, "wide.csv", [",".join(f"c{i}" for i in range(4096)), *joined(rows)])


def photos(folder: Path) -> Path:
    out = folder / "photos" / "good"
    out.mkdir(parents=True)
    small = Image.fromarray(RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    for i in range(50):
        large = (4000, 3000) if i < 2 else (400, 300)
        small.rotate(i).resize(large).save(out / f"IMG_{i}.jpg", quality=60)
    return folder / "photos"


FORMS: list[tuple[Callable[[Path], Path], list[str], int, list[str]]] = [
    (skab, ["--time", "datetime", "--label", "anomaly", "changepoint"], 4, ["datetime"]),
    (nab, ["--time", "timestamp"], 1, ["timestamp"]),
    (nsl_kdd, ["--label", "9", "--drop", "10"], 9, []),
    (kaggle, ["--drop", "id", "Time", "--label", "Class"], 6, []),
    (spark, [], 3, []),
    (embeddings, ["--id", "text"], 16, ["text"]),
    (wide, [], 4096, []),
    (photos, ["--resize", "40x30"], 0, []),
]


@pytest.mark.parametrize(
    ("make", "options", "features", "carried"), FORMS, ids=[form[0].__name__ for form in FORMS]
)
def test_it_is_trained_and_scored(
    make: Callable[[Path], Path],
    options: list[str],
    features: int,
    carried: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, model, out = str(make(tmp_path)), str(tmp_path / "model"), tmp_path / "scores.csv"
    assert main(["train", "--data", data, "--out", model, *options, *QUICK]) == 0
    spec = load(model).input_spec
    assert len(spec.features) == features
    assert spec.record_shape == ((30, 40, 3) if make is photos else (features,))
    capsys.readouterr()
    # What is no feature, the bundle remembers.
    assert main(["score", model, "--data", data, "--out", str(out)]) == 0
    assert "WARNING" not in capsys.readouterr().err
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[4:] == carried
    assert len(rows) in (ROWS, 60, 50)
    assert sum(row[3] == "1" for row in rows) < 0.5 * len(rows)

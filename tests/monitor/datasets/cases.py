"""The situations of docs/data.md, in its order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from models.schema import Feature
from tests.monitor.datasets.situations import (
    ROWS,
    Situation,
    array,
    csv,
    deep,
    lines,
    model,
    money,
    numbers,
    pandas,
    parts,
    pictures,
    table,
    two_sizes,
    with_column,
)  # fmt: skip

INDEXED = [(i, *row) for i, row in enumerate(numbers(2))]
WHOLE = (numbers(3) * 100).round().astype(int)
COMMAS = [[str(x).replace(".", ",") for x in row] for row in numbers(2) + 0.00005]
A = csv(lines("a,b", numbers(2)))
WORDS = ["red", "green"] * (ROWS // 2)
TIMES = [f"2026-01-01 00:{i:02}:00" for i in range(ROWS)]
GAPS = ["" if i % 4 == 0 else i * 7 % ROWS / 2 for i in range(ROWS)]
SHIFTED = [
    np.roll(row, i in (7, 9)) for i, row in enumerate(numbers() + np.array([0, 100, 10_000]))
]
NAMED = model("a", "b")

CSV = (
    Situation("unnamed index column", csv(lines(",a,b", INDEXED)), "a b", "left out: the index"),
    Situation("index column that pandas read and wrote again",
              csv(lines("Unnamed: 0,a,b", INDEXED)), "a b", "left out: the index"),
    Situation("whole numbers, semicolons, commas in names",
              csv(lines("T, C;P, bar;F", WHOLE, ";")), "T, C|P, bar|F", "';' between cells"),
    Situation("names that are numbers", csv(lines("0,1,2", numbers())),
              fault="Say --header yes or --header no"),
    Situation("names that are numbers, with --header yes", csv(lines("0,1,2", numbers())),
              "0 1 2", said={"header": True}),
    Situation("no header", csv(lines("", numbers())), "", "no header, columns counted from 0"),
    Situation("a name twice", csv(lines("t,p,t", numbers())),
              fault="several columns have the name 't'"),
    Situation("decimal comma", csv(lines("a;b", COMMAS, ";")), "a b", "decimal comma"),
    Situation("two whole numbers a line, no header", csv(lines("", WHOLE[:, :2] % 97)),
              fault="Say --decimal , if"),
    Situation("commas that may part thousands", csv(lines("a;b", [["1,500", "2,250"]] * 9, ";")),
              fault="Say --decimal , for the first"),
    Situation("the delimiter inside quotes", csv(lines('"a, b",c', numbers(2))), "a, b|c"),
    Situation("a line of units", csv(lines("a,b", numbers(2), after="°C,bar\n")), "a b",
              "left out: line 2, °C, bar"),
    Situation("comment lines", csv(lines("a,b", numbers(2), before="# one\n# two\n") + "# end\n"),
              "a b"),
    Situation("a line sep=;", csv(lines("a;b", numbers(2), ";", "sep=;\n")), "a b"),
    Situation("Windows-1252", csv(lines("°C,b", numbers(2)), encoding="cp1252"), "°C b",
              "encoding cp1252"),
    Situation("UTF-16", csv(lines("°C,b", numbers(2)), encoding="utf-16"), "°C b"),
    Situation("UTF-8 with a byte order mark", csv(lines("a,b", numbers(2)), encoding="utf-8-sig"),
              "a b"),
    Situation("a title above the names", csv("Report,,\n" + lines("a,b,c", numbers())),
              fault="line 1 holds only 'Report': a title?"),
    Situation("the names once more, in the middle",
              csv(lines("a,b", numbers(2)) + lines("a,b", numbers(2))),
              fault="line 42: the names of the columns once more"),
    Situation("blank lines", csv(lines("a,b", numbers(2), after="\n\n") + "\n\n"), "a b"),
    Situation("a delimiter at the end of lines", csv(lines("a,b,", numbers(3) * [1, 1, 0]).replace(
              ",0.0\n", ",\n").replace(",-0.0\n", ",\n")), "a b", "last column, which is empty"),
    Situation("lines of unequal length", csv(lines("a,b", numbers(2)) + "1,2,3\n"),
              fault="has 3 cells, most have 2"),
    Situation("tabs (.tsv)", csv(lines("a\tb", numbers(2), "\t"), "data.tsv"), "a b",
              "'tab' between cells"),
    Situation("gzip (.csv.gz)", csv(lines("a,b", numbers(2)), "data.csv.gz"), "a b"),
)  # fmt: skip

FILES = (
    Situation("a named index of pandas in Parquet", pandas(list(range(ROWS))), "a",
              "left out: the index 'machine_id', kept as id"),
    Situation("a numbered index of pandas in Parquet", pandas([]), "a"),
    Situation("Feather (Arrow IPC)", table({"a": numbers(1)[:, 0]}, "data.feather"), "a"),
    Situation("a folder as Spark writes it", parts({"_SUCCESS": b"", ".part-0.crc": b"x",
              "part-00000.parquet": table({"a": [1.5, 2]}), "part-00001.parquet":
              table({"a": [0.5, 2]})}), "a"),
    Situation("folders KEY=VALUE (Hive)", parts({f"site={s}/year=2026/p.csv": A for s in "xy"}),
              "a b site year", records="80 x 4 float64"),
    Situation("files of other columns", parts({"1.csv": A, "2.csv": csv(lines("a,c", numbers(2)))}),
              fault="it lacks b and also has c"),
    Situation("tables of two kinds in a folder",
              parts({"1.csv": A, "2.parquet": table({"a": [1.5]})}),
              fault="files of several kinds"),
    Situation("a column of lists (an embedding)", table({"e": numbers(3).tolist()}),
              "e[0] e[1] e[2]"),
    Situation("lists of unequal length", table({"e": [[1.5, 2.5], [3.5]]}),
              fault="a list of 2 numbers expected, got 1"),
    Situation("decimal numbers", table({"a": pa.array(money(), pa.decimal128(9, 2))}), "a"),
    Situation("pandas' categories", table({"a": pa.array(WORDS).dictionary_encode()}), "a"),
    Situation("Python objects (pickle)", array(np.array([[None, 1]])), fault="never read"),
)  # fmt: skip

COLUMNS = (
    Situation("few different words", with_column(WORDS), "a b x"),
    Situation("free text", with_column([f"note {i}" for i in range(ROWS)]),
              fault="column 'x': free text, 40 different values"),
    Situation("numbers with a unit", with_column([f"{i % 5} kg" for i in range(ROWS)]),
              fault="column 'x': numbers with units or marks of thousands, write plain ones"),
    Situation("numbers with marks of thousands",
              with_column([f"1'{i % 5}00.5" for i in range(ROWS)]),
              fault="column 'x': numbers with units or marks of thousands, write plain ones"),
    Situation("dates and times", with_column(TIMES), fault="dates or times: say --time x"),
    Situation("dates and times, with --time", with_column(TIMES), "a b", said={"time": "x"}),
    Situation("one cell of --time that is no time", with_column([*TIMES[1:], "mean"]), "a b",
              "1 of 40 cells are no times, the first 'mean' in record 39", said={"time": "x"}),
    Situation("numbers with a unit or marks of thousands, most of them different",
              with_column([f"{i}'{500 + i}.5" for i in range(1, ROWS + 1)]),
              fault="numbers with units or marks"),
    Situation("true and false", with_column(["True", "false"] * (ROWS // 2)), "a b x"),
    Situation("one cell that is no number", with_column(["oops", *range(1, ROWS)]),
              fault="column 'x', line 2: 'oops' is not a finite number"),
    Situation("infinity", with_column(["inf", *range(1, ROWS)]),
              fault="column 'x', line 2: 'inf' is not a finite number"),
    Situation("missing values", with_column(GAPS),
              fault="values are missing in x 25.00%. Say --missing indicate"),
    Situation("missing values, with --missing indicate", with_column(GAPS), "a b x",
              said={"missing": "indicate"}, records="40 x 3 float64"),
    Situation("missing values, with --missing skip", with_column(GAPS), "a b x",
              said={"missing": "skip"}, records="30 x 3 float64"),
    Situation("a column without any value", with_column([""] * ROWS), fault="no value at all"),
    Situation("a label, with --label", with_column([0, 1] * (ROWS // 2), "fault"), "a b",
              said={"label": ("fault",)}),
    Situation("a label that nobody named", with_column([0, 1] * (ROWS // 2), "fault"), "a b fault",
              "looks like a label (--label)"),
    Situation("a label that nobody named, by its words", with_column(["normal", "neptune"] *
              (ROWS // 2)), "a b x", "column 'x' looks like a label (--label)"),
    Situation("-999 in place of missing values", with_column([-999, 1.5, 3, 2.25] * (ROWS // 4)),
              "a b x", "column 'x' has nines far from all other values"),
    Situation("cells in the wrong columns", csv(lines("a,b,c", SHIFTED)), "a b c",
              "2 of the first 40 records fit the columns only if their cells move by one place"),
    Situation("a counter that nobody named", with_column(list(range(ROWS)), "n"), "a b n",
              "always rising, as a time stamp or a counter (--time or --drop)"),
    Situation("an option that names a column in other letters", with_column(WORDS, "Class"),
              said={"label": ("class",)}, fault="has no such column. It has Class, a, b"),
    Situation("an option that names no column", A, said={"drop": ("z",)},
              fault="--drop z: FOLDER/data.csv has no such column. It has a, b"),
)  # fmt: skip

MODELS = (
    Situation("a model: columns in another order", csv(lines("b,a", numbers(2))), "a b",
              spec=NAMED),
    Situation("a model: one column more", csv(lines("a,z,b", numbers())), "a b",
              "not in the model, left out: z", spec=NAMED),
    Situation("a model: one column fewer", csv(lines("a", numbers(1))), fault="no column 'b'",
              spec=NAMED),
    Situation("a model: no header", csv(lines("", numbers(2))),
              fault="Say --header yes if the first line names them, or --by-position", spec=NAMED),
    Situation("a model: no header, with --by-position", csv(lines("", numbers(2))), "a b",
              "columns taken in the model's order: a, b", said={"by_position": True}, spec=NAMED),
    Situation("a model: an array", array(numbers(2)), "a b", "an array has no names", spec=NAMED),
    Situation("a model: words that training had not seen", with_column(WORDS), "a x",
              "'x': 20 values that training had not seen",
              spec=model("a", Feature("x", "category", ("red", "blue")))),
    Situation("a model: another unit", csv(lines("a,b", numbers(2) * [1, 1000] + [0, 90000])),
              "a b", "WARNING: 'b' is", spec=NAMED),
    Situation("a model: text in place of numbers", with_column(WORDS), spec=model("a", "x"),
              fault="line 2, column 'x': 'red' is not a finite number"),
)  # fmt: skip

PICTURES = (
    Situation("pictures numbered without zeros", pictures(*(f"f_{i}.png" for i in range(12))), "",
              records="12 x 3 x 4 uint8"),
    Situation("pictures held upright (EXIF)", pictures("a.png", orientation=6), "",
              records="1 x 4 x 3 uint8"),
    Situation("pictures in folders, and other files", pictures("good/a.png", "notes.txt"), "",
              "left out: 1 files that are no pictures (1 .txt)", records="1 x 3 x 4 uint8"),
    Situation("pictures of two sizes", two_sizes, fault="Bring all pictures to one size"),
    Situation("pictures of two sizes, with --resize", two_sizes, "", said={"resize": (2, 2)},
              records="2 x 2 x 2 uint8"),
    Situation("pictures of 16 bits", deep, "", records="1 x 3 x 4 uint16"),
    Situation("an array (n, 100, 3) of floats", array(np.ones((5, 100, 3))),
              fault="Say --layout image"),
    Situation("an array with NaN", array(np.array([[1.0, np.nan]])), fault="holds nan in column 1"),
    Situation("a folder without data", parts({"notes.md": b""}), fault="there are no pictures"),
)  # fmt: skip

SITUATIONS = CSV + FILES + COLUMNS + MODELS + PICTURES

"""Options that say how to read data files, the same for all commands that do."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.bundle import Bundle
    from monitor.datasets.request import Reading

FORMATS = (
    ".npy, .npz (PATH:key), .csv, .tsv, .csv.gz, .parquet, .feather, a folder or pattern of such"
    " tables, - (CSV), or a folder of images"
)


def add_data(
    parser: argparse.ArgumentParser, what: str, learning: bool = False, required: bool = True
) -> None:
    """Add --data, --where and what says how to read tables.

    what: is done with the records. learning: also what chooses features.
    """
    parser.add_argument(
        "--data", required=required, nargs="+", action="extend", metavar="PATH", help=FORMATS
    )
    parser.add_argument("--where", metavar="KEY=VALUE", help=f"{what} these records only, e.g. y=1")
    group = parser.add_argument_group("columns of tables")
    if learning:
        group.add_argument("--columns", nargs="+", metavar="NAME", help="the features (all)")
    for name, words in (
        ("drop", "leave these columns out"),
        ("label", "columns that say what a record is; never features"),
        ("id", "columns that name a record; carried into results"),
    ):
        group.add_argument(f"--{name}", nargs="+", metavar="NAME", help=words)
    group.add_argument("--time", metavar="NAME", help="the time stamp; carried into results")
    group.add_argument(
        "--missing",
        choices=["refuse", "indicate", "skip"] if learning else ["refuse", "skip"],
        default="refuse",
        help="records that lack a value: refuse (the default), skip them"
        + (", or indicate: learn which values lack" if learning else ""),
    )
    _add_csv(parser, learning)
    if not learning:
        group.add_argument(
            "--by-position",
            action="store_true",
            help="take columns that have no names in the model's order",
        )


def _add_csv(parser: argparse.ArgumentParser, learning: bool) -> None:
    group = parser.add_argument_group("how files are written (decided by their lines)")
    group.add_argument("--header", choices=["yes", "no"], help="whether a first line has names")
    group.add_argument("--delimiter", metavar="CHARACTER", help="between cells; tab for a tab")
    group.add_argument("--decimal", metavar="MARK", help=". or ,")
    group.add_argument("--encoding", metavar="NAME", help="such as utf-8, cp1252, utf-16-le")
    if learning:
        group.add_argument("--layout", choices=["image", "series"], help="of arrays (n, a, b)")
        group.add_argument("--resize", type=size, metavar="WxH", help="pictures, to this size")


def size(text: str) -> tuple[int, int]:
    """Width and height, from text such as 64x48."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})[xX×]([1-9][0-9]{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT such as 64x48, got {text!r}")
    return int(match[1]), int(match[2])


def reading(options: argparse.Namespace, where: str | None = None, **more: Any) -> Reading:
    """What the options say. where: of these files. more: further fields."""
    from monitor.datasets.request import Reading

    given = vars(options)
    found: dict[str, Any] = {
        name: given[name]
        for name in ("time", "missing", "decimal", "encoding", "by_position", "layout", "resize")
        if given.get(name) is not None
    }
    for field, name in (("columns",) * 2, ("drop",) * 2, ("label",) * 2, ("ids", "id")):
        found[field] = tuple(given.get(name) or ())
    delimiter = given.get("delimiter")
    found["delimiter"] = "\t" if delimiter in ("tab", "\\t") else delimiter
    found["header"] = {"yes": True, "no": False}.get(given.get("header") or "")
    found["where"] = given.get("where") if where is None else where
    return Reading(**found, **more)


ROLES = ("label", "ids", "time", "drop", "resize", "header", "decimal")
"""What a model remembers of how its data were read."""


def roles(asked: Reading) -> dict[str, Any]:
    """What a bundle is to remember, as JSON."""
    found = {name: getattr(asked, name) for name in ROLES}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in found.items()
        if value or value is False
    }


def remembered(asked: Reading, bundle: Bundle) -> Reading:
    """With what the bundle remembers of columns that are no features, where nothing was said."""
    from dataclasses import replace

    from monitor.pictures.form import resized_to

    known = bundle.metadata.get("data", {}).get("read", {})
    known = known.get("roles", {}) if isinstance(known, Mapping) else {}
    if not isinstance(known, Mapping):
        return asked
    found: dict[str, Any] = {}
    for name in ("label", "ids", "drop"):
        value = known.get(name)
        if isinstance(value, list) and not getattr(asked, name) and _are_names(value):
            found[name] = tuple(value)
    if asked.time is None and isinstance(known.get("time"), str):
        found["time"] = known["time"]
    if asked.header is None and isinstance(known.get("header"), bool):
        found["header"] = known["header"]
    if asked.decimal is None and known.get("decimal") in (".", ","):
        found["decimal"] = known["decimal"]
    found["resize"] = resized_to(bundle.metadata) or asked.resize
    return replace(asked, **found)


def _are_names(value: list[Any]) -> bool:
    return all(isinstance(each, str) for each in value)


def source_of(options: argparse.Namespace, where: str | None = None) -> str:
    """The data as a person named them."""
    where = where if where is not None else options.where
    named = ", ".join(options.data)
    return f"{named} where {where}" if where else named

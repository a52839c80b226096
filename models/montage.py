"""A picture of records and what one model or several made of them: where each error comes from.

Images: original | reconstructions | error maps. Vectors: the features with the largest errors, with
the value that came and the one that a model expected. Drawn on the Agg canvas itself: no window, no
global state. Places are given in inches: solving for a layout takes longer than drawing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.bundle_metadata import without_controls
from models.input_spec import InputSpec
from models.montage_series import series
from models.plots import ALARM, NORMAL, SECOND, png
from models.reconstruction import Reconstructions
from models.sheet import GAP, HEADING, Sheet, room_above, shortened

FEATURES: Final = 8
"""Features shown of each vector."""
_ACROSS: Final = 9
"""Most pictures side by side."""
_PICTURE: Final = 1.13
_BAR: Final = 0.17
_BARS: Final = 5.0
"""Width of the bars of one vector."""


def draw(
    spec: InputSpec,
    made: Mapping[str, Reconstructions],
    titles: Sequence[str],
    heading: str = "",
) -> bytes:
    """PNG of a few records, n >= 1, in their order, a title for each.

    made: what each model made of the same n records, by the model's name; the name of the only one
    is not shown. spec: says what range of values is usual, and how features are called.
    """
    if spec.is_image:
        return png(_images(spec, made, titles, heading))
    if spec.layout == "series":
        return png(series(spec, made, titles, heading))
    return png(_vectors(spec, made, titles, heading))


def _images(
    spec: InputSpec, made: Mapping[str, Reconstructions], titles: Sequence[str], heading: str
) -> Figure:
    columns = _columns(tuple(made))
    across = min(_ACROSS // len(columns), 1 if len(titles) < 3 else 2 if len(titles) < 9 else 3)
    height = _PICTURE * min(max(spec.shape[1] / spec.shape[2], 0.4), 2.5)
    above = room_above(titles)
    step_x, step_y = len(columns) * (_PICTURE + GAP) + 2 * GAP, above + height + 0.2
    top = HEADING if heading else GAP
    rows = math.ceil(len(titles) / across)
    sheet = Sheet(across * step_x, top + rows * step_y, heading)
    for i, title in enumerate(titles):
        row, place = divmod(i, across)
        cells = [
            sheet.axes(
                1.5 * GAP + place * step_x + column * (_PICTURE + GAP),
                top + row * step_y + above, _PICTURE, height,
            )
            for column in range(len(columns))
        ]  # fmt: skip
        _draw_images(cells, spec, [each.record(i) for each in made.values()])
        cells[0].set_title(shortened(title), fontsize=7, loc="left", parse_math=False)
        for cell, name in zip(cells, columns if row == 0 else (), strict=False):
            below = (0.5, -0.03)
            cell.annotate(name, below, xycoords="axes fraction", ha="center", va="top", fontsize=7)
    return sheet.figure


def _columns(names: Sequence[str]) -> list[str]:
    if len(names) == 1:
        return ["original", "reconstruction", "error"]
    return ["original", *names, *(f"error, {name}" for name in names)]


def _draw_images(cells: Sequence[Axes], spec: InputSpec, made: Sequence[Reconstructions]) -> None:
    """One record: made holds what each model made of it, (1, C, H, W)."""
    pictures = [made[0].original, *(each.reconstruction for each in made)]
    for cell, picture in zip(cells, pictures, strict=False):
        cell.imshow(_displayable(_unit_range(spec, picture)[0]), cmap="gray", vmin=0, vmax=1)
    maps = [each.element_error[0].mean(axis=0) for each in made]
    # A scale for each record: a map says where the error is, the title says how large.
    brightest = max(float(errors.max()) for errors in maps)
    for cell, errors in zip(cells[len(pictures) :], maps, strict=True):
        cell.imshow(errors, cmap="inferno", vmin=0, vmax=brightest)
    for cell in cells:
        cell.set_axis_off()


def _unit_range(spec: InputSpec, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """(B, C, H, W) with the usual range of each channel brought to [0, 1], and clipped there."""
    lowest, span = (np.reshape(each, (-1, 1, 1)) for each in (spec.offset, spec.scale))
    return np.asarray(np.clip((pictures - lowest) / span, 0, 1))


def _displayable(picture: NDArray[Any]) -> NDArray[Any]:
    """(C, H, W) as (H, W) or (H, W, 3); two channels are averaged, a fourth is left out."""
    if len(picture) >= 3:
        return np.moveaxis(picture[:3], 0, -1)
    return np.asarray(picture.mean(axis=0))


def _vectors(
    spec: InputSpec, made: Mapping[str, Reconstructions], titles: Sequence[str], heading: str
) -> Figure:
    names = [
        shortened(without_controls(name))
        for name in spec.columns or (f"feature {i}" for i in range(*spec.shape))
    ]
    across = 1 if len(titles) == 1 else 2
    height = _BAR * min(FEATURES, len(names)) * len(made) + 0.1
    above, left = room_above(titles), 0.2 + 0.06 * max(map(len, names))
    step_x, step_y = left + _BARS + 0.15, above + height + 0.25
    top = HEADING if heading else GAP
    rows = math.ceil(len(titles) / across)
    sheet = Sheet(across * step_x, top + rows * step_y + 0.15, heading)
    for i, title in enumerate(titles):
        row, place = divmod(i, across)
        cell = sheet.axes(left + place * step_x, top + row * step_y + above, _BARS, height)
        _draw_bars(cell, names, {name: each.record(i) for name, each in made.items()})
        cell.set_title(shortened(title), fontsize=8, loc="left", parse_math=False)
        if i >= len(titles) - across:
            larger = "larger " if len(made) > 1 else ""
            cell.set_xlabel(f"share of the record's {larger}error, %", fontsize=7, labelpad=1)
    return sheet.figure


def _draw_bars(cell: Axes, names: Sequence[str], made: Mapping[str, Reconstructions]) -> None:
    """One record: made holds what each model made of it, (1, d)."""
    errors = np.concatenate([each.element_error for each in made.values()])  # (models, d)
    shares = 100 * errors / (errors.sum(axis=1).max() or 1)
    largest = np.argsort(-errors.max(axis=0), kind="stable")[:FEATURES].tolist()
    thickness = 0.8 / len(made)
    colours = (ALARM,) if len(made) == 1 else (NORMAL, SECOND)
    for number, (name, each) in enumerate(made.items()):
        who = "" if len(made) == 1 else f"{name} "
        for row, feature in enumerate(largest):
            place = row + thickness * (number - (len(made) - 1) / 2)
            label = (
                f" {each.original[0, feature]:.4g},"
                f" {who}expected {each.reconstruction[0, feature]:.4g}"
            )
            _draw_bar(
                cell, place, thickness, float(shares[number, feature]), label, colours[number]
            )
    cell.set_yticks(range(len(largest)), [names[j] for j in largest], fontsize=7, parse_math=False)
    cell.set_ylim(len(largest) - 0.5, -0.5)
    cell.set_xlim(0, 100)
    cell.tick_params(axis="x", labelsize=7)
    cell.spines[["top", "right"]].set_visible(False)


def _draw_bar(
    cell: Axes, place: float, thickness: float, share: float, label: str, colour: str
) -> None:
    cell.barh(place, share, color=colour, height=0.9 * thickness)
    inside = share > 60
    cell.text(
        share, place, label + " " * inside, fontsize=6.5, va="center_baseline",
        ha="right" if inside else "left", color="white" if inside and colour != SECOND else "black",
    )  # fmt: skip

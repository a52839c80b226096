"""Options that make windows over series."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from monitor.commands.options import positive

if TYPE_CHECKING:
    from models.windows import Window


def add_windows(parser: argparse.ArgumentParser) -> None:
    """Add --window, --stride and --by."""
    group = parser.add_argument_group("windows over series, of records that are single steps")
    group.add_argument("--window", type=positive, metavar="N", help="steps of a window")
    group.add_argument(
        "--stride", type=positive, metavar="N", help="steps between windows (an eighth of one)"
    )
    group.add_argument(
        "--by", metavar="NAME", help="column that says of which series a step is; a message's key"
    )


def window_of(options: argparse.Namespace) -> Window | None:
    """The windows that were asked for."""
    from models.windows import Window
    from monitor.errors import UserError

    if options.window is None:
        if options.stride or options.by:
            raise UserError("--stride and --by are for windows: say --window N, too")
        return None
    try:
        stride = options.stride or max(1, options.window // 8)
        return Window(options.window, stride, options.by or "")
    except ValueError as error:
        raise UserError(f"--window: {error}") from None

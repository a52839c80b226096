"""`aead-monitor check-bundle`: whether a bundle is whole, and what it is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.input_spec import InputSpec

_PERIODS = {"hour": "day (UTC)", "week": "week (UTC)"}
_EXAMPLE = """\
example:
  aead-monitor check-bundle model
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check-bundle",
        help="check that a bundle is whole, and say what it holds",
        description="Verify the files of a bundle against its version, and say what it holds.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder written by train")
    parser.set_defaults(run=run)


def _windows(spec: InputSpec) -> str:
    from monitor.process.text import for_terminal

    return "" if spec.window is None else f"\n              {for_terminal(str(spec.window))}"


def _context(bundle: Bundle) -> str:
    context = bundle.context
    told = "" if context is None else f"\ncontext       {_by(bundle, context.kind)}"
    of_channels = None if bundle.channels is None else bundle.channels.context
    if of_channels is None:
        return told
    count = of_channels.kept.size
    name = "context      " if context is None else "             "
    return f"{told}\n{name} {_by(bundle, of_channels.kind)}, of {count} channels"


def _by(bundle: Bundle, kind: str) -> str:
    from monitor.process.text import for_terminal

    if bundle.column is None:
        return f"hour of the {_PERIODS[kind]}"
    return f"column {for_terminal(bundle.column.feature.name)}"


def run(options: argparse.Namespace) -> int:
    """Load the bundle as the daemon would."""
    from models.bundle import load
    from models.reference import DEFAULT_TOLERANCE

    bundle = load(options.bundle)
    spec, reference = bundle.input_spec, bundle.reference
    parameters = sum(parameter.numel() for parameter in bundle.model.parameters())
    print(f"""\
bundle        {options.bundle}: valid
version       {bundle.version}
architecture  {bundle.architecture}, {parameters:,} parameters
record        shape {list(spec.record_shape)}, layout {spec.layout}, trained on \
{spec.dtype}{_windows(spec)}
error         {bundle.error_metric}, threshold {reference.threshold:.6g} at quantile \
{reference.quantile:.6g}
calibration   {reference.count:,} records, smallest p-value {reference.smallest_p_value:.3g}
precision     {", ".join(bundle.references)}
order         {"known" if reference.ordered else "not known: the daemon learns it from the stream"}
drift         {bundle.judged.detection_limits(DEFAULT_TOLERANCE)}{_context(bundle)}
created       {bundle.metadata["created"]}""")
    return 0

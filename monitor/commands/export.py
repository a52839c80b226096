"""`aead-monitor export`: a bundle for programs that do not know bundles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.bundle import Bundle

_EXAMPLE = """\
example:
  aead-monitor export model --format onnx --out model.onnx
  aead-monitor export model --format mlflow --out mlflow-model
  aead-monitor export model --format huggingface --out hub-model

onnx         one file: raw records in, their error, p_value and anomalous out; what it computes is
             compared with our own scoring before it is written (pip install 'aead-monitor[onnx]')
mlflow       a pyfunc model without a pickle: mlflow.pyfunc.load_model(FOLDER).predict(frame)
huggingface  the bundle with config.json and the card's head that the hub reads; it still is a
             bundle, which every command takes
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="write a bundle as ONNX, for MLflow or for Hugging Face",
        description="Write a bundle in a form that other programs take.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder written by train")
    parser.add_argument("--format", required=True, choices=["onnx", "mlflow", "huggingface"])
    parser.add_argument("--out", required=True, metavar="PATH", help="file or folder to write")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export, and say what came of it."""
    from models import bundle as bundles
    from monitor.commands.options import writing
    from monitor.process.text import for_terminal

    out = Path(options.out)
    bundle = bundles.load(options.bundle)
    with writing(options.out):
        checked = _written(options, bundle, out)
    print(f"""\
written      {for_terminal(options.out)}, from version {bundle.version}
checked      {checked}
threshold    {bundle.reference.threshold:.6g} at quantile {bundle.reference.quantile:.6g}""")
    return 0


def _written(options: argparse.Namespace, bundle: Bundle, out: Path) -> str:
    """Write it; return how it was checked."""
    from monitor.errors import UserError

    if options.format == "onnx":
        from models import onnx_export

        if out.suffix != ".onnx":
            raise UserError(f"--out {options.out}: the name must end in .onnx")
        if not out.parent.is_dir():
            raise UserError(f"{out}: there is no folder {out.parent}. Create it first")
        largest = onnx_export.export(bundle, out)
        return f"onnxruntime gives the same errors within {largest:.1g} of their size"
    if options.format == "mlflow":
        from models import mlflow_export

        mlflow_export.export(bundle, out)
        return "MLflow loads it"
    from models import hub_export

    hub_export.export(bundle, out)
    return f"it loads as a bundle: aead-monitor score {options.out} --data PATH --out scores.csv"

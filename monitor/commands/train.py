"""`aead-monitor train`: from a file of normal records to a bundle."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from models.architectures import ARCHITECTURES, SOLVED, Option
from monitor.commands import context_options
from monitor.commands.context_options import add_context, check_context, with_context
from monitor.commands.data_options import add_data, reading, roles, source_of
from monitor.commands.interruption import stopping
from monitor.commands.options import positive
from monitor.commands.preset_options import add_preset, chosen, told
from monitor.commands.tensorboard_log import tensorboard_log
from monitor.commands.training_log import csv_log
from monitor.commands.window_options import add_windows, window_of

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.settings import TrainingSettings
    from models.training import Progress

_EXAMPLE = """\
example:
  aead-monitor train --data normal.npy --out model
  aead-monitor train --data mnist.npz:x_train --where y_train=1 --out ones --epochs 20
  aead-monitor train --data readings.csv --time at --label fault --out model
  aead-monitor train --data turbines.parquet --window 64 --by turbine --out model
  aead-monitor train --data recorded.npy --out model --ordered     straight from the stream
  aead-monitor train --data load.csv --time at --context auto --out model     with a daily swing
  aead-monitor train --data normal.npy --out model --preset best --cost inf
  aead-monitor train --data photos/ --out model --augment flip shift --quantile 0.99

Ctrl-C stops the training early; the best model so far is calibrated and saved. The same command
with --resume goes on, to the model that would have come of it without the stop.
"""


_SOLVED = ", ".join(SOLVED)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train an autoencoder on normal records",
        description="Train an autoencoder on normal records, calibrate it on records held out "
        "from training, and write both as a bundle.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_data(parser)
    add_preset(parser)
    _add_model(parser)
    _add_training(parser)
    parser.set_defaults(run=run)


def _add_data(parser: argparse.ArgumentParser) -> None:
    add_data(parser, "train on", learning=True)
    parser.add_argument(
        "--max-records",
        type=positive,
        metavar="N",
        help="at most so many, evenly chosen (with --ordered the newest); the rest stays on disk",
    )
    parser.add_argument("--out", required=True, metavar="BUNDLE", help="folder to write")
    add_windows(parser)
    add_context(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model (the defaults suit the data)")
    group.add_argument("--arch", choices=list(ARCHITECTURES))
    for name, option in architecture_options().items():
        having = [arch for arch, each in ARCHITECTURES.items() if option in each.options]
        group.add_argument(
            f"--{name.replace('_', '-')}",
            nargs="+" if option.many else None,
            type=option.type,
            metavar=option.metavar,
            help=f"{', '.join(having)}: {option.words}",
        )
    group.add_argument(
        "--error-metric",
        choices=["mse", "mae", "huber", "ssim", "mse+ssim"],
        default="mse",
        help="of networks; ssim and mse+ssim are for pictures (default: mse)",
    )
    trim = group.add_mutually_exclusive_group()
    trim.add_argument(
        "--contamination",
        type=float,
        metavar="SHARE",
        help=f"{_SOLVED}: so many of the records may be anomalies: leave out enough, and let the"
        " threshold find so many (default: leave out the strangest tenth, of images a fiftieth)",
    )
    trim.add_argument(
        "--clean",
        dest="contamination",
        action="store_const",
        const=0.0,
        help=f"{_SOLVED}: no record is an anomaly: leave none out",
    )


def architecture_options() -> dict[str, Option]:
    """The options of all architectures, by name."""
    return {option.name: option for each in ARCHITECTURES.values() for option in each.options}


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training (the defaults suit the data)")
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with a training that was stopped, by the checkpoint beside --out",
    )
    group.add_argument(
        "--log-csv",
        metavar="FILE",
        help="write the losses of each epoch there, as they come; with --resume, add to it",
    )
    group.add_argument(
        "--log-tensorboard", metavar="FOLDER", help="the same for TensorBoard, a folder a training"
    )
    group.add_argument("--epochs", type=int, metavar="N", help="at most this many")
    group.add_argument("--batch-size", type=int, metavar="N")
    group.add_argument("--learning-rate", type=float, metavar="R")
    group.add_argument("--weight-decay", type=float, metavar="W")
    group.add_argument("--warmup-fraction", type=float, metavar="F", help="share of the steps")
    group.add_argument(
        "--patience", type=int, metavar="N", help="epochs without improvement before stopping"
    )
    group.add_argument(
        "--augment",
        nargs="*",
        choices=["flip", "shift", "rotate"],
        help="images: random changes that are normal in service; alone, all of them",
    )
    group.add_argument(
        "--ordered",
        action="store_true",
        help="the records are consecutive ones of the stream, oldest first: calibrate on the"
        " newest, and learn how far neighbours depend on each other",
    )
    group.add_argument("--validation-fraction", type=float, metavar="F", help="default 0.1")
    group.add_argument("--calibration-fraction", type=float, metavar="F", help="default 0.2")
    group.add_argument(
        "--quantile",
        type=float,
        metavar="Q",
        help="level of the anomaly threshold (default 0.999, or the highest that the data support)",
    )
    group.add_argument("--seed", type=int, metavar="N", help="default 0")
    group.add_argument("--device", metavar="auto|cpu|cuda", help="default auto")
    group.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="of the CPU (default 1, or all cores for a large network)",
    )
    group.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        help="bfloat16: calibrate for it, too, so that the model may be scored in either",
    )


def run(options: argparse.Namespace) -> int:
    """Train, and say where the bundle is and what to do next."""
    settings = _settings(options)

    from models import bundle as bundles
    from models import checkpoint, recipe
    from models.conduct import Conduct
    from models.description import Description
    from monitor.datasets import learning
    from monitor.process.progress import Bars, epochs_bar
    from monitor.process.text import for_terminal

    bundles.check_target(options.out)
    check_context(options)
    window = window_of(options)
    newest = options.ordered or window is not None
    with Bars() as bars:
        most = options.max_records or 0
        asked = reading(options, max_records=most, newest=newest, watch=bars.count)
        learned = learning.read(options.data, asked, window)
    for line in learned.account.text().splitlines():
        print(for_terminal(line))
    for warning in learned.account.warnings():
        asked.say(for_terminal(f"warning: {warning}"))
    described = Description(
        learned.data.schema,
        "series" if window else options.layout or "",
        window,
        source=source_of(options),
        read=learned.account.kept(roles(asked)),
    )
    described = with_context(options, described, learned.data)
    records = learned.data.records
    with stopping():
        settings, choice = chosen(options, records, settings, described)
        if choice is not None:
            print(for_terminal(told(choice)))
        folder = checkpoint.folder_of(options.out)
        with (
            epochs_bar() as moved,
            csv_log(options.log_csv, options.resume) as logged,
            tensorboard_log(options.log_tensorboard, options.resume) as charted,
        ):

            def listener(progress: Progress) -> None:
                for told_to in (logged, charted, moved):
                    told_to(progress)

            conduct = Conduct(listener, choice=choice, checkpoint=folder, resume=options.resume)
            bundle = recipe.train(records, options.out, settings, conduct, described)
    print(_outcome(bundle, options.out))
    return 0


def _settings(options: argparse.Namespace) -> TrainingSettings:
    """The training settings: what was given on the command line, and defaults for the rest."""
    from models.augmentation import AUGMENTATIONS
    from models.settings import TrainingSettings

    names = """epochs batch_size learning_rate weight_decay warmup_fraction patience quantile
        ordered validation_fraction calibration_fraction error_metric seed device
        threads precision contamination"""
    given = {name: getattr(options, name) for name in names.split()}
    architecture = {name: getattr(options, name) for name in architecture_options()}
    if options.augment is not None:
        given["augment"] = tuple(options.augment or AUGMENTATIONS)
    return TrainingSettings(
        architecture=options.arch or ("dense" if options.hidden else None),
        architecture_settings={k: v for k, v in architecture.items() if v is not None},
        **{name: value for name, value in given.items() if value is not None},
    )


def _outcome(bundle: Bundle, out: str) -> str:
    from models.reference import DEFAULT_TOLERANCE

    reference, metrics = bundle.reference, bundle.metadata["metrics"]
    warning = f"\nwarning      {reference.note}" if reference.note else ""
    if share := metrics["suspicious_share"]:
        warning += (
            f"\nwarning      {share:.2%} of the calibration records have errors far above all"
            " others: are anomalies among the records? score finds them"
        )
    limits = bundle.judged.detection_limits(DEFAULT_TOLERANCE)
    return f"""\
bundle       {bundle.path}
version      {bundle.version}
training     {_training(bundle)}
threshold    {reference.threshold:.6g} at quantile {reference.quantile:.6g}, from \
{reference.count:,} calibration records{warning}{context_options.told(bundle)}
drift        with a tolerance of {DEFAULT_TOLERANCE:.0%}, {limits}
next         aead-monitor score {out} --data PATH --out scores.csv"""


def _training(bundle: Bundle) -> str:
    metrics, left_out = bundle.metadata["metrics"], bundle.metadata.get("left_out")
    if left_out is None:
        go_on = "; the same command with --resume goes on"
        return (
            f"{metrics['ended']} after {metrics['epochs']} epochs, kept epoch"
            f" {metrics['best_epoch']}, validation loss {metrics['validation_loss']:.6g}"
            f"{go_on if metrics['ended'] == 'interrupted' else ''}"
        )
    kept = metrics["ended"]
    if not left_out["count"]:
        return f"{kept} without gradients; no record left out"
    return (
        f"{kept} without gradients; the strangest {left_out['count']:,} records left out"
        f" ({left_out['share']:.3g} of them): README.md there lists them"
    )

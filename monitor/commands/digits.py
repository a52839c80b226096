"""`aead-monitor digits`: real handwritten digits to train on, and cameras that stream others."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, NoReturn

from monitor.commands.delivery import Delivery, connect
from monitor.commands.produce import check_topic
from monitor.errors import UserError

if TYPE_CHECKING:
    from monitor.demo.camera import Cameras

COUNT = 3500
"""Digits to train on, at most; those after them are streamed."""
RATE = 200.0
STEP_SECONDS = 0.1
_SAVE = """\
example:
  aead-monitor digits save digits.npy
"""
_STREAM = """\
example:
  aead-monitor digits stream --bootstrap-servers localhost:9092 --topic images --switch drift
  echo defocus > drift        and the cameras are out of focus within a second
  echo dirt camera-2 > drift  and one of the four, as the header camera tells them apart, is dirty
  echo none > drift           and all is repaired
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "digits",
        help="real digits: train on some, stream others",
        description="5,000 handwritten digits, 28 by 28 bytes each, to try everything with.",
        epilog=_SAVE + _STREAM.removeprefix("example:\n"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    save = _action(actions, "save", "write digits to train on into a file", _SAVE)
    save.add_argument("file", metavar="FILE.npy", help="is written, or replaced")
    save.add_argument(
        "--count", type=int, default=COUNT, metavar="N", help=f"at most {COUNT}, the default"
    )
    stream = _action(
        actions, "stream", "send other digits to a topic until Ctrl-C, as cameras would", _STREAM
    )
    stream.add_argument(
        "--bootstrap-servers", required=True, metavar="HOST:PORT", help="separated by commas"
    )
    stream.add_argument("--topic", required=True, metavar="TOPIC")
    stream.add_argument(
        "--rate", type=float, default=RATE, metavar="R", help=f"digits a second (default: {RATE:g})"
    )
    stream.add_argument(
        "--switch",
        metavar="FILE",
        help="what is wrong with the cameras: defocus, rotate, fade, noise, dirt, invert, stuck,"
        " silent; none, empty or missing: nothing. A camera's name after it: with that one alone."
        " Read every second",
    )


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, epilog: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Save or stream."""
    return _save(options) if options.action == "save" else _stream(options)


def _save(options: argparse.Namespace) -> int:
    import numpy as np

    from monitor.demo import digits

    if not 1 <= options.count <= COUNT:
        raise UserError(
            f"--count must be from 1 to {COUNT:,}, got {options.count:,}: the rest is streamed"
        )
    images = digits.load()
    try:
        with open(options.file, "wb") as file:  # noqa: PTH123 - a name that is shown as given
            np.save(file, images[: options.count])
    except OSError as error:
        raise UserError(f"{options.file}: cannot be written: {error.strerror}") from None
    print(f"{options.count:,} digits in {options.file}")
    return 0


def _stream(options: argparse.Namespace) -> int:
    if not 0 < options.rate < math.inf:
        raise UserError(f"--rate must be a number above 0, got {options.rate:g}")
    check_topic(options.topic)

    import logging
    import signal
    from pathlib import Path

    from monitor.demo import digits
    from monitor.demo.camera import Cameras, Switch

    # Ending by SIGTERM, as a container does, is no different from Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # kafka-python logs what is said here in one line.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    images = digits.load()[COUNT:]
    switch = Switch(Path(options.switch) if options.switch else None, _say)
    delivery = Delivery(connect(options.bootstrap_servers), options.topic, images[0].nbytes)
    _say(f"streaming digits to {options.topic}, {options.rate:g} a second")
    try:
        _send(Cameras(images, switch), delivery, options.rate)
    except KeyboardInterrupt:
        arrived = delivery.finish()
    _say(f"stopped after {delivery.sent:,} digits, {arrived:,} acknowledged")
    if delivery.error is not None:
        print(f"aead-monitor: {delivery.failure()}", file=sys.stderr)
    return 0 if arrived == delivery.sent else 1


def _send(cameras: Cameras, delivery: Delivery, rate: float) -> NoReturn:
    """Send until interrupted, the i-th digit not before i / rate seconds."""
    import time

    count = max(1, round(rate * STEP_SECONDS))
    due = time.monotonic()
    while True:
        for camera, image in cameras.take(count):
            key, value = str(delivery.sent).encode(), image.tobytes()
            delivery.send(key, value, headers=[("camera", camera.encode())])
        # A machine that is too slow sends fewer; it must not try to catch up.
        due = max(due + count / rate, time.monotonic() - STEP_SECONDS)
        time.sleep(max(0.0, due - time.monotonic()))


def _say(text: str) -> None:
    # Whoever reads this through a pipe or a file wants it now.
    print(text, flush=True)

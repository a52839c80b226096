"""`aead-monitor produce`: the records of a file to a Kafka topic."""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from monitor.codecs import CODECS, CodecSettings
from monitor.commands.data_options import add_data, reading, remembered, source_of
from monitor.commands.delivery import Delivery, connect
from monitor.errors import UserError
from monitor.process.progress import Bars, count_bar

if TYPE_CHECKING:
    from monitor.codecs import Codec
    from monitor.datasets import Dataset, Reading

Item = TypeVar("Item")
DEFAULT_CODEC = "raw"
UNKNOWN_SCHEMA = "json-schema"
"""Its payloads name a schema, which nobody but their producer knows."""
OWN_CODECS = tuple(
    sorted(set(CODECS) - {UNKNOWN_SCHEMA}, key=lambda name: (name != DEFAULT_CODEC, name))
)
"""The default comes first."""
SHORTEST_SLEEP_SECONDS = 0.002
_EXAMPLE = """\
example:
  aead-monitor produce --data today.npy --topic images --bootstrap-servers localhost:9092
  aead-monitor produce --data photos/ --topic images --bootstrap-servers localhost:9092 \\
      --codec image --rate 50 --repeat 10

Every message has the record's position in the file as its key; with a --bundle of windows and
--by, which series it is of. Messages go out as fast as the broker takes them unless --rate is
given. Ctrl-C stops after what was sent has arrived.
"""


class Codecs:
    """Names that --codec takes. Packages are looked through only where that is needed."""

    def __contains__(self, name: object) -> bool:
        from monitor.codecs import plugins

        return name in OWN_CODECS or (name != UNKNOWN_SCHEMA and plugins.is_known(str(name)))

    def __iter__(self) -> Iterator[str]:
        from monitor.codecs import plugins

        return iter((*OWN_CODECS, *plugins.names()[len(CODECS) :]))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "produce",
        help="send the records of a file to a topic",
        description="Send the records of a file to a Kafka topic, one a message.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data(parser, "send")
    parser.add_argument(
        "--bundle", metavar="BUNDLE", help="send what this model expects, columns by name"
    )
    parser.add_argument("--topic", required=True, metavar="TOPIC")
    parser.add_argument(
        "--bootstrap-servers", required=True, metavar="HOST:PORT", help="separated by commas"
    )
    parser.add_argument(
        "--codec",
        choices=Codecs(),
        default=DEFAULT_CODEC,
        metavar="CODEC",
        help=f"{', '.join(OWN_CODECS)}, or that of an installed package; default: {DEFAULT_CODEC}",
    )
    parser.add_argument("--rate", type=float, metavar="R", help="messages a second")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="send the file N times")
    parser.add_argument("--limit", type=int, metavar="N", help="send at most N messages")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Send, wait for every acknowledgement, and say how many came."""
    _check(options)

    import logging

    # kafka-python logs what is said here in one line.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    messages = Messages(options)
    producer = connect(options.bootstrap_servers)
    delivery = Delivery(producer, options.topic, messages.size)
    begin, stopped, headers = time.monotonic(), False, messages.headers
    try:
        with count_bar(f"to {options.topic}", len(messages)) as advance:
            for key, value in paced(messages, options.rate):
                delivery.send(key, value, headers=headers)
                advance(1)
    except KeyboardInterrupt:
        stopped = True
    arrived = delivery.finish()
    rate = arrived / max(time.monotonic() - begin, 1e-9)
    print(
        f"{'stopped after' if stopped else 'sent'} {delivery.sent:,} messages to"
        f" {options.topic}, {arrived:,} acknowledged ({rate:,.0f} a second)"
    )
    if delivery.error is not None:
        print(f"aead-monitor: {delivery.failure()}", file=sys.stderr)
    return 0 if arrived == delivery.sent else 1


def _check(options: argparse.Namespace) -> None:
    if options.rate is not None and not 0 < options.rate < math.inf:
        raise UserError(f"--rate must be a number above 0, got {options.rate:g}")
    for name in ("repeat", "limit"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f"--{name} must be at least 1, got {value}")
    check_topic(options.topic)


def check_topic(name: str) -> None:
    """Raise UserError for a name that no topic can have."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name):
        raise UserError(
            f"--topic {name}: the name of a topic has up to 249 of the characters"
            " a-z, A-Z, 0-9, dot, underscore and minus"
        )


class Messages:
    """Key and value of each record of the file, as often as asked.

    The key is the position in the file; of a step of a series, which series it is of.
    size: bytes of the first. headers: those of all.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        import numpy as np

        from models.schema import Schema
        from monitor.codecs import plugins
        from monitor.codecs.headers import headers_of

        data, series = _data(options)
        records = data.records
        # No codec carries booleans.
        self._records = records.astype(np.uint8) if records.dtype.kind == "b" else records
        self._index = data.index
        self._series = series
        count: int = len(records) * options.repeat
        self._count = count if options.limit is None else min(count, options.limit)
        settings = CodecSettings(
            self._records.shape[1:],
            self._records.dtype.name,
            # Without a model nobody says whether its daemon knows the names.
            features=Schema() if options.bundle is None else data.schema,
        )
        try:
            self._codec: Codec = plugins.builder(options.codec)(settings)
            self.size = len(self._codec.encode(self._records[0]))
            self.headers = headers_of(self._codec)
        except ValueError as error:
            raise UserError(
                f"{source_of(options)}: cannot be sent with --codec {options.codec}: {error}"
            ) from None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for message in range(self._count):
            row = message % len(self._records)
            key = str(self._index[row]) if self._series is None else self._series[row] or ""
            yield key.encode(), self._encoded(row)

    def _encoded(self, row: int) -> bytes:
        try:
            return self._codec.encode(self._records[row])
        except ValueError as error:
            raise UserError(
                f"record {self._index[row]} (counting from 0) cannot be sent with this codec:"
                f" {error}. Choose another with --codec"
            ) from None


def _data(options: argparse.Namespace) -> tuple[Dataset, Sequence[str | None] | None]:
    """The records, as the model of --bundle expects them if there is one; of steps of series, which
    one each is of.
    """
    with Bars() as bars:
        asked = reading(options, watch=bars.count)
        return _plain(options, asked) if options.bundle is None else _fitting(options, asked)


def _plain(options: argparse.Namespace, asked: Reading) -> tuple[Dataset, None]:
    from monitor import datasets

    data = datasets.load(options.data, None, asked)
    if not data.schema.plain:
        raise UserError(
            f"{source_of(options)}: some columns are words, and a model says how to send them:"
            " give it with --bundle"
        )
    return data, None


def _fitting(
    options: argparse.Namespace, asked: Reading
) -> tuple[Dataset, Sequence[str | None] | None]:
    from models import bundle as bundles
    from monitor.datasets import fitting, windowed

    bundle = bundles.load(options.bundle)
    spec = bundle.input_spec
    by = spec.window.by if spec.window else ""
    if spec.window is not None:
        asked, spec = windowed.carrying(asked, spec.window), spec.steps
    data = fitting.load(options.data, None, spec, remembered(asked, bundle))
    rows = fitting.in_type(fitting.as_recorded(data.records, spec, source_of(options)), spec)
    return replace(data, records=rows), data.carried[by] if by else None


def paced(
    items: Iterable[Item],
    rate: float | None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item]:
    """The items, the i-th not before i / rate seconds; at once if there is no rate."""
    start = clock()
    for i, item in enumerate(items):
        early = 0.0 if rate is None else start + i / rate - clock()
        if early > SHORTEST_SLEEP_SECONDS:
            sleep(early)
        yield item

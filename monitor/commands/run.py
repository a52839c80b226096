"""`aead-monitor run`: the daemon."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.process.deadline import Deadline
from monitor.process.signals import StopSignals

if TYPE_CHECKING:
    from monitor.daemon.loop import Daemon

STARTING_SECONDS: Final = 20.0
"""What shutdown_seconds is until the configuration is read."""

_EXAMPLE = """\
example:
  aead-monitor run --config aead-monitor.yaml
  AEAD_MONITOR_KAFKA__BOOTSTRAP_SERVERS=broker:9092 aead-monitor run --config aead-monitor.yaml

SIGTERM and SIGINT finish what was begun and exit with 0. What is not finished within
shutdown_seconds, or by a second signal, is given up: it exits with 128 and the signal's number.
SIGHUP looks for a new model at once.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "run",
        help="watch a Kafka topic",
        description="Watch a Kafka topic: score its records, find anomalies and drift.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.add_argument(
        "--rewind",
        action="store_true",
        help="read all partitions from their beginning again; drift detection begins anew",
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS and passwords of the web server; instead of http.web_config_file",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until asked to stop."""
    stopping, deadline = threading.Event(), Deadline(STARTING_SECONDS)
    signals = StopSignals(stopping, deadline)
    signals.listen()
    # Until there is somebody to ask; the newest model is loaded then anyway.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        daemon = _built(options, stopping, deadline)
    except BaseException:
        signals.close()
        signal.signal(signal.SIGHUP, before)
        raise
    signal.signal(signal.SIGHUP, lambda number, frame: daemon.look())
    daemon.run()
    return 0


def _built(options: argparse.Namespace, stopping: threading.Event, deadline: Deadline) -> Daemon:
    from monitor.config import environment
    from monitor.config import file as config_file
    from monitor.process import logs
    from monitor.process.imports import without_collection

    config = config_file.load(options.config, options.web_config_file)
    logs.configure(config.log.level, config.log.format)
    environment.tell_left_alone()

    with without_collection():
        from monitor.daemon.assembly.daemon import build

    deadline.seconds = config.shutdown_seconds
    return build(config, stopping, rewind=options.rewind, deadline=deadline)

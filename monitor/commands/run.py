"""`aead-monitor run`: the daemon."""

from __future__ import annotations

import argparse
import os
import signal
from types import FrameType

_EXAMPLE = """\
example:
  aead-monitor run --config aead-monitor.yaml
  AEAD_MONITOR_KAFKA__BOOTSTRAP_SERVERS=broker:9092 aead-monitor run --config aead-monitor.yaml

SIGTERM and SIGINT finish what was begun and exit with 0; a second one exits at once.
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
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until asked to stop."""
    from monitor import config_file, logs

    config = config_file.load(options.config)
    logs.configure(config.log.level, config.log.format)

    from monitor.assembly import build

    daemon = build(config)

    def stop(number: int, frame: FrameType | None) -> None:
        if daemon.stopping:
            os._exit(128 + number)
        daemon.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    daemon.run()
    return 0

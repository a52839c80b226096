"""`aead-monitor demo`: the main job on this machine, nothing else needed."""

from __future__ import annotations

import argparse

DRIFT_NAMES = ("defocus", "rotate", "fade", "noise", "dirt", "invert", "stuck")
_EXAMPLE = """\
example:
  aead-monitor demo                      until Ctrl-C, with the status page up
  aead-monitor demo --once               ends when the drift has fired and was resolved
  aead-monitor demo --drift rotate
  aead-monitor demo --bootstrap-servers localhost:9092      on your own Kafka
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="see it work: train, stream, drift, alert",
        description="Train on real digits, run the daemon on a broker, stream digits, change"
        " the camera, and watch the alert fire and resolve.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--once", action="store_true", help="end when the drift has fired and was resolved"
    )
    parser.add_argument(
        "--drift", choices=DRIFT_NAMES, default="defocus", help="the change (default: defocus)"
    )
    parser.add_argument(
        "--bootstrap-servers", metavar="HOST:PORT", help="your own Kafka instead of the embedded"
    )
    parser.add_argument("--folder", metavar="FOLDER", help="keep model, configuration and log here")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play the demo in a temporary folder, or in one that is kept."""
    import signal
    import sys
    import tempfile
    import time
    from pathlib import Path

    from monitor.demo.story import DemoError, Story

    # Ending by SIGTERM must stop the daemon too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:6.1f} s] {text}", flush=True)

    with tempfile.TemporaryDirectory(prefix="aead-demo-") as temporary:
        folder = Path(options.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        story = Story(folder, options.drift, options.bootstrap_servers, say)
        try:
            story.run(options.once)
        except KeyboardInterrupt:
            say("bye")
        except DemoError as error:
            print(f"aead-monitor: demo failed: {error}", file=sys.stderr)
            return 1
    return 0

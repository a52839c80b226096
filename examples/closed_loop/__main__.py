"""The whole circle, on a Kafka broker that is there already:

    python -m examples.closed_loop --bootstrap-servers HOST:PORT --folder FOLDER

Trains on digits, watches a stream of them with two daemons, changes the stream for good, and
follows what happens: one request for a new model, a candidate that passes its gates, both daemons
with the new model, the alert resolved. Ends with code 0 if all went as it should.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import uuid
from pathlib import Path

from examples.closed_loop.loop import Loop, Sizes
from monitor.demo.daemon_process import Launch, launch_python


def main(arguments: list[str] | None = None, launch: Launch = launch_python) -> int:
    """Run the circle and print the story."""
    parser = argparse.ArgumentParser(prog="closed_loop", description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT")
    parser.add_argument("--folder", metavar="FOLDER", help="where everything is left")
    parser.add_argument("--quick", action="store_true", help="fewer records, smaller model")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    topic = f"digits-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = Sizes.quick() if options.quick else Sizes()
        loop = Loop(options.bootstrap_servers, topic, folder, sizes, launch)
        found = loop.run(lambda line: print(f"{time.monotonic() - begun:6.1f} s  {line}"))
        (folder / "summary.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())

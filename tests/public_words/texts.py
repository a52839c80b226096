"""Gathers all public words of the code that is imported, each kind as a text of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.config.file import load
from monitor.daemon.assembly.daemon import build
from monitor.pipeline.events import dead_letter_event
from monitor.stream.records import DeadLetter, Record
from tests.compatibility.before import Continuation, unpack
from tests.monitor.evidence.whole import evidence
from tests.public_words import (
    command_lines,
    configuration,
    files,
    messages,
    metrics,
    source_text,
    web,
)

FOLDER = Path(__file__).parent / "text"


def texts(work: Path) -> dict[str, str]:
    """File name -> text. work: an empty folder."""
    config = unpack(work)
    about = _about(config)
    seen = Continuation(work / "state")
    seen.finish()
    seen.stop()
    kept = [json.loads(path.read_text()) for path in (work / "state" / "requests").glob("*.json")]
    found: dict[str, Iterator[str]] = {
        "metrics": metrics.lines(),
        "configuration": configuration.lines(),
        "commands": command_lines.lines(),
        "messages": messages.lines([*seen.sink.flushed, _keyless()], [k["document"] for k in kept]),
        "web": web.lines({**about, **seen.daemon.parts.board.now()}, evidence(work / "evidence")),
        "files": files.lines(work / "state", work / "files"),
        "log": source_text.lines(),
    }
    return {f"{name}.txt": "\n".join(lines).rstrip() + "\n" for name, lines in found.items()}


def _about(config: Path) -> Mapping[str, Any]:
    """What the status page says of model and configuration, put together as `run` does."""
    folder = config.parent / "elsewhere"
    text = f"{config.read_text()}http: {{port: 0}}\nstate: {{directory: {folder}}}\n"
    changed = config.with_name("changed.yaml")
    changed.write_text(text)
    daemon = build(load(str(changed)), threading.Event())
    daemon.parts.web.stop()
    if daemon.parts.state is not None:
        daemon.parts.state.close()
    return daemon.parts.board.about


def _keyless() -> Any:
    """A dead letter with all headers that the others have not."""
    record = Record("readings", 0, 1, 1_700_000_000_000, None, b"bad", (("NAME", b"value"),))
    return dead_letter_event(DeadLetter(record, "undecodable", "bad"))

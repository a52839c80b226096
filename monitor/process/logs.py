"""Structured logs on standard error: one line an event, nothing per record."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from typing import TextIO

import structlog

from monitor.process.text import for_terminal

QUIET_SECONDS = 30.0
_FIRST = ("timestamp", "level", "event")
_TIMING = re.compile(r"kafka\.net\.selector Task .* ran for ")
_QUIETED = ("kafka", "confluent_kafka", "uvicorn", "asyncio", "filelock")
_NAMES_ADDRESSES = ("urllib3",)
"""Its warnings name whole addresses, which may hold secrets; what matters, our own lines say."""


def configure(level: str, form: str) -> None:
    """Send our events and those of the libraries to standard error.

    level: debug, info, warning or error. form: console, json, or auto: console on a terminal.
    """
    terminal = sys.stderr.isatty()
    console = form == "console" or (form == "auto" and terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        # The default formatter prints local variables, which may hold secrets.
        structlog.dev.ConsoleRenderer(
            colors=terminal and not os.environ.get("NO_COLOR"),
            exception_formatter=_plain_traceback,
        )
        if console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    final: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta
    ]
    final += [_shown] if console else [structlog.processors.format_exc_info, _in_order]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer])
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIETED:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in _NAMES_ADDRESSES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    handler.addFilter(RepeatFilter(time.monotonic))


def _in_order(
    logger: object, method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A line whose time, level and event come first, as people and cut-off lines need them."""
    first = {name: line[name] for name in _FIRST if name in line}
    return {**first, **line}


def _shown(
    logger: object, method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A line without what could play tricks on a terminal: much of it comes from elsewhere."""
    return {
        name: for_terminal(value) if isinstance(value, str) else value
        for name, value in line.items()
    }


def _plain_traceback(file: TextIO, error: structlog.typing.ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    file.write(for_terminal(text.getvalue()))


class RepeatFilter(logging.Filter):
    """Lets a library's line through once in QUIET_SECONDS; a lost broker brings ten a second.

    kafka-python's timings of its own tasks pass at level debug alone: hundreds in an hour, each
    with another number, and nothing in them to act on. Our own lines always pass.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[tuple[str, int, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True for a line that should be written."""
        if not record.name.startswith(_QUIETED):
            return True
        if _TIMING.match(f"{record.name} {record.msg}"):
            return logging.getLogger().isEnabledFor(logging.DEBUG)
        key = (record.name, record.levelno, str(record.msg))
        now = self._clock()
        if now - self._last.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._last[key] = now
        return True

"""How long work may take, on machines of any speed: in times of an anchor, measured beside it.

The same machine is five times slower when others use it, in bursts. So what took too long is done
again, with the anchor before and after it, and the best of a few tries counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Final

TRIES: Final = 3
_TEXT: Final = b"[" + b'{"a":[1,2.5],"b":"x"},' * 50_000 + b"1]"
_known: list[float] = []


def processor_seconds(work: Callable[[], object]) -> float:
    """Of one core's time, in this thread. On the wall, others would be counted too."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def anchor_seconds() -> float:
    """What `json.loads` takes now for a megabyte of small objects: 45 ms on a quiet core."""
    seconds = processor_seconds(lambda: json.loads(_TEXT))
    _known.append(seconds)
    return seconds


def is_within(anchors: float, work: Callable[[], object], seconds: float | None = None) -> bool:
    """Whether work takes at most so many times what the anchor takes.

    seconds: what it took at first; None: not done yet.
    """
    if seconds is None:
        seconds = processor_seconds(work)
    if seconds <= anchors * min(_known or [anchor_seconds()]):
        return True
    return any(_once(anchors, work) for _ in range(TRIES))


def _once(anchors: float, work: Callable[[], object]) -> bool:
    before = anchor_seconds()
    seconds = processor_seconds(work)
    return seconds <= anchors * max(before, anchor_seconds())

"""The metrics as text, at a cost that does not grow with the number of those who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool

KEPT: Final = 8
"""Forms that may be rendered beside each other; there are no more in use."""


class Exposition:
    """Renders on a worker thread. Those who wait for the same form share one rendering."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._forms: dict[str, _Form] = {}

    async def text(self, encode: Callable[[CollectorRegistry], bytes], content_type: str) -> bytes:
        """The registry as it is now or a moment later. content_type: the name of the form."""
        if content_type not in self._forms and len(self._forms) >= KEPT:
            self._forms.clear()
        form = self._forms.setdefault(content_type, _Form())
        return await form.text(lambda: encode(self._registry))


class _Form:
    def __init__(self) -> None:
        self._begun = 0
        self._text: bytes | None = None
        self._alone = asyncio.Lock()

    async def text(self, render: Callable[[], bytes]) -> bytes:
        """What was rendered from now on: never what had begun before."""
        before = self._begun
        async with self._alone:
            if self._begun == before or self._text is None:
                self._begun, self._text = self._begun + 1, None
                self._text = await run_in_threadpool(render)
            return self._text

"""The pages' addresses, and what they load: all of it from here."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from monitor.web.pages.gallery import NO_EVIDENCE, ShowsEvidence
from monitor.web.pages.labelling import Labelling
from monitor.web.pages.rendering import episode_page, sections, status_page
from monitor.web.timeline import SPANS, Timeline

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self';"
    " connect-src 'self'; img-src 'self'; base-uri 'self'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
STATIC: Final = Path(__file__).with_name("static")
GONE: Final = STATIC / "gone.svg"
KINDS: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
STREAM_SECONDS: Final = 8.0
"""How long one answer of `/api/changes` lasts: less than the server lets any answer last. The
browser asks again by itself."""
EVERY_SECONDS: Final = 2.0
RENDERED_SECONDS: Final = 1.0
"""For which sections that were rendered are given to everybody who asks."""
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+){1,8}/?")


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages say beside the status. timeline: of the stream. configuration: as YAML,
    without secrets. external_url: where people find the page, or "". runbooks: where those are,
    or "".
    """

    timeline: Timeline
    configuration: str = ""
    external_url: str = ""
    runbooks: str = ""


def page_routes(
    status: Callable[[], Mapping[str, Any]],
    site: Site,
    evidence: ShowsEvidence | None = None,
    labelling: Labelling | None = None,
) -> list[Route]:
    """status: returns what is published, from any thread. evidence: None if none is kept.

    labelling: of episodes; None where there is no state.
    """
    listed = _nothing if evidence is None else evidence.listed
    rendered = _Rendered(lambda: {**status(), "evidence": listed()}, site)

    def front(request: Request) -> Response:
        text = status_page(
            {**status(), "evidence": listed()}, _base(request, site), site.runbooks,
            site.configuration, site.timeline.fitting(),
        )  # fmt: skip
        return HTMLResponse(text, headers=HEADERS)

    def part(request: Request) -> Response:
        return HTMLResponse(rendered.text(), headers=HEADERS)

    def episode(request: Request) -> Response:
        now, wanted = {**status(), "evidence": listed()}, request.path_params["id"]
        for each in now.get("episodes", ()):
            if each["id"] == wanted:
                told = None if labelling is None else labelling.of(wanted)
                token = "" if labelling is None else labelling.token(wanted)
                text = episode_page(
                    now, each, _base(request, site), site.runbooks, site.timeline, told, token
                )
                return HTMLResponse(text, headers=HEADERS)
        return Response("no such episode: it is older than the last 100\n", status_code=404)

    def picture(request: Request) -> Response:
        """One that gave way to another since the page was made is no fault of whoever looks."""
        found = None if evidence is None else evidence.picture(request.path_params["id"])
        if found is None:
            return Response(GONE.read_bytes(), media_type=KINDS[GONE.suffix], headers=HEADERS)
        return Response(found, media_type="image/png", headers=HEADERS)

    def timeline(request: Request) -> Response:
        span = request.query_params.get("span", "hour")
        if span not in SPANS:
            return Response(f"span: one of {', '.join(SPANS)}\n", status_code=400)
        return JSONResponse(site.timeline.document(span), headers=HEADERS)

    def changes(request: Request) -> Response:
        return StreamingResponse(
            _changes(status, request), media_type="text/event-stream", headers=HEADERS
        )

    return [
        Route("/", front),
        Route("/sections", part),
        Route("/episodes/{id}", episode),
        Route("/pictures/{id}.png", picture),
        *([] if labelling is None else [_labels(labelling)]),
        Route("/api/timeline", timeline),
        Route("/api/changes", changes),
        *(Route(f"/static/{path.name}", _file(path)) for path in sorted(STATIC.iterdir())),
    ]


def _labels(labelling: Labelling) -> Route:
    return Route("/episodes/{id}/label", labelling.put, methods=["POST"])


def _nothing() -> Mapping[str, Any]:
    return NO_EVIDENCE


class _Rendered:
    """The sections, rendered once for all who ask within a second."""

    def __init__(self, status: Callable[[], Mapping[str, Any]], site: Site) -> None:
        self._status, self._site = status, site
        self._made: tuple[float, str] = (float("-inf"), "")
        self._making = Lock()

    def text(self) -> str:
        with self._making:  # many ask at once, on threads of their own
            now = time.monotonic()
            if now - self._made[0] > RENDERED_SECONDS:
                site = self._site
                self._made = now, sections(self._status(), site.runbooks, site.configuration)
            return self._made[1]


def _file(path: Path) -> Callable[[Request], Response]:
    content, kind = path.read_bytes(), KINDS[path.suffix]
    headers = {**HEADERS, "Cache-Control": "max-age=3600"}
    return lambda request: Response(content, media_type=kind, headers=headers)


def _base(request: Request, site: Site) -> str:
    """What addresses start at: configured, as the proxy says, or where the page was found."""
    if site.external_url:
        return site.external_url.rstrip("/") + "/"
    prefix = request.headers.get("x-forwarded-prefix", "")
    return prefix.rstrip("/") + "/" if _PREFIX.fullmatch(prefix) else ""


async def _changes(status: Callable[[], Mapping[str, Any]], request: Request) -> AsyncIterator[str]:
    """Says now and then that there is something new, and whether anything needs attention."""
    until = time.monotonic() + STREAM_SECONDS
    yield "retry: 1000\n\n"
    while time.monotonic() < until and not await request.is_disconnected():
        now = status()
        state = (now.get("drift") or {}).get("state", "starting")
        data = json.dumps({"state": state, "ready": bool(now.get("ready"))})
        yield f"event: status\ndata: {data}\n\n"
        await asyncio.sleep(EVERY_SECONDS)

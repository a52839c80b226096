"""What the web server answers. It reads the metrics registry and a published snapshot only."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor.web.exposition import Exposition
from monitor.web.pages.gallery import NO_EVIDENCE, ShowsEvidence
from monitor.web.pages.labelling import Labelling
from monitor.web.pages.routes import HEADERS, Site, page_routes
from monitor.web.timeline import Timeline

log = structlog.get_logger(__name__)

_FORBIDDEN = "forbidden: set http.reload to true to allow this, or send the process a SIGHUP\n"
_LOOKING = """\
looking for a new model now. If there is one that is whole and fits, it takes its place between
two batches; if not, the one in use stays. The log and aead_monitor_model_swaps_total and
aead_monitor_model_swap_failures_total say what came of it.
"""


def build_app(
    registry: CollectorRegistry,
    status: Callable[[], Mapping[str, Any]],
    stalled_seconds: Callable[[], float] = lambda: 0.0,
    reload: Callable[[], None] | None = None,
    site: Site | None = None,
    evidence: ShowsEvidence | None = None,
    labelling: Labelling | None = None,
) -> Starlette:
    """The web application. status: returns the latest published snapshot, from any thread.

    stalled_seconds: how long the run loop has hung; 0 while it is alive. reload: asks for a look
    for a new model, and returns at once; None if nobody may ask here. site: what the pages say
    beside the status. evidence: None if none is kept. labelling: of episodes, on their pages.
    """
    exposition = Exposition(registry)

    async def metrics(request: Request) -> Response:
        encode, content_type = _encoder(request.headers.get("accept", ""))
        text = await exposition.text(encode, content_type)
        return Response(text, headers={"Content-Type": content_type})

    def snapshot(request: Request) -> Response:
        return JSONResponse(dict(status()), headers=HEADERS)

    def episodes(request: Request) -> Response:
        return JSONResponse(status().get("episodes", []), headers=HEADERS)

    def kept(request: Request) -> Response:
        found = NO_EVIDENCE if evidence is None else evidence.listed()
        return JSONResponse(dict(found), headers=HEADERS)

    def picture(request: Request) -> Response:
        found = None if evidence is None else evidence.picture(request.path_params["id"])
        if found is None:
            return PlainTextResponse("no such picture\n", status_code=404, headers=HEADERS)
        return Response(found, media_type="image/png", headers=HEADERS)

    def look(request: Request) -> Response:
        # The request's body is never read.
        if reload is None:
            return PlainTextResponse(_FORBIDDEN, status_code=403)
        reload()
        return PlainTextResponse(_LOOKING, status_code=202)

    routes = {
        "/metrics": metrics,
        "/api/status": snapshot,
        "/api/episodes": episodes,
        "/api/evidence": kept,
        "/api/evidence/{id}.png": picture,
    }
    found = [Route(path, endpoint) for path, endpoint in routes.items()]
    found += page_routes(status, site or Site(Timeline()), evidence, labelling)
    health = build_health(status, stalled_seconds)
    routes_of_all = [*found, *health.routes, Route("/-/reload", look, methods=["POST"])]
    return Starlette(routes=routes_of_all, exception_handlers={Exception: _failed})


async def _failed(request: Request, error: Exception) -> Response:
    """A page failed: the log says where, whoever asked only that it did."""
    place = "".join(traceback.format_tb(error.__traceback__)[-3:])
    log.error("a page failed", path=request.url.path, error=repr(error), place=place)
    return PlainTextResponse("this page failed; the daemon's log says where\n", status_code=500)


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        return choose_encoder("")


def build_health(
    status: Callable[[], Mapping[str, Any]], stalled_seconds: Callable[[], float]
) -> Starlette:
    """An application that says whether we are healthy and ready, and nothing else."""

    def healthy(request: Request) -> Response:
        seconds = stalled_seconds()
        if seconds:
            return PlainTextResponse(
                f"not healthy: the run loop has hung for {seconds:.0f} s; the log tells where\n",
                status_code=503,
            )
        return PlainTextResponse("healthy\n")

    def ready(request: Request) -> Response:
        now, seconds = status(), stalled_seconds()
        if seconds:
            return PlainTextResponse(
                f"not ready: the run loop has hung for {seconds:.0f} s\n", status_code=503
            )
        if now.get("ready"):
            return PlainTextResponse("ready\n")
        hindrance = now.get("hindrance") or "starting"
        return PlainTextResponse(f"not ready: {hindrance}\n", status_code=503)

    return Starlette(routes=[Route("/-/healthy", healthy), Route("/-/ready", ready)])

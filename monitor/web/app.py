"""What the web server answers. It reads the metrics registry and a published snapshot only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

PAGE = Path(__file__).with_name("status.html")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline';"
    " script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def build_app(registry: CollectorRegistry, status: Callable[[], Mapping[str, Any]]) -> Starlette:
    """The web application. status: returns the latest published snapshot, from any thread."""
    page = PAGE.read_text(encoding="utf-8")

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    def healthy(request: Request) -> Response:
        return PlainTextResponse("healthy\n")

    def ready(request: Request) -> Response:
        is_ready = bool(status().get("ready"))
        return PlainTextResponse(
            "ready\n" if is_ready else "not ready: waiting for Kafka to assign partitions\n",
            status_code=200 if is_ready else 503,
        )

    def snapshot(request: Request) -> Response:
        return JSONResponse(dict(status()), headers=_HEADERS)

    def front(request: Request) -> Response:
        return HTMLResponse(page, headers=_HEADERS)

    routes = {
        "/": front,
        "/metrics": metrics,
        "/-/healthy": healthy,
        "/-/ready": ready,
        "/api/status": snapshot,
    }
    return Starlette(routes=[Route(path, endpoint) for path, endpoint in routes.items()])

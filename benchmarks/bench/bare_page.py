"""A Starlette that answers with so many bytes and does nothing else, until SIGTERM.

python -m benchmarks.bench.bare_page PORT BYTES
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

if __name__ == "__main__":
    text = "a" * int(sys.argv[2])
    app = Starlette(routes=[Route("/", lambda _: HTMLResponse(text))])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

"""Buttons on an episode's page: a person says whether the drift was true.

Only for those whom the web server knows, by password or certificate, and only from our own page: a
page of others can neither read the token that ours holds nor send its own origin.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from monitor.state.labels import ANSWERS, LONGEST_NOTE, Label, Labels

log = structlog.get_logger(__name__)

LARGEST_BYTES: Final = 16 * 2**10
"""Of a form: a note at its longest, every character escaped."""


class Labelling:
    """Reads and writes labels for the pages.

    status: what is published. known: whether the web server knows who asks. external_url: where
    people find the pages, or "". actions: whether there are buttons.
    """

    def __init__(
        self,
        labels: Labels,
        status: Callable[[], Mapping[str, Any]],
        known: Callable[[], bool],
        external_url: str = "",
        *,
        actions: bool = False,
    ) -> None:
        self._labels = labels
        self._status = status
        self._known = known
        self._external = urlsplit(external_url).netloc or None
        self._actions = actions
        self._secret = secrets.token_bytes(32)

    def of(self, episode: str) -> Label | None:
        """What was said of an episode; a file that cannot be read is told."""
        try:
            return self._labels.read().get(episode)
        except (OSError, ValueError) as error:
            log.warning("labels cannot be read", file=str(self._labels.path), error=str(error))
            return None

    def token(self, episode: str) -> str:
        """What the page's form must send back; empty if there are no buttons."""
        if not self._actions or not self._known():
            return ""
        return hmac.new(self._secret, episode.encode(), "sha256").hexdigest()

    async def put(self, request: Request) -> Response:
        """Take a form."""
        id = request.path_params["id"]
        refusal = self._refusal(request)
        if refusal:
            return PlainTextResponse(f"forbidden: {refusal}\n", status_code=403)
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BYTES:
                return PlainTextResponse("the form is too large\n", status_code=413)
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
        given = {name: values[-1] for name, values in form.items()}
        if not hmac.compare_digest(given.get("token", "").encode(), self.token(id).encode()):
            return PlainTextResponse("forbidden: load the page again\n", status_code=403)
        return self._kept(id, given.get("answer", ""), given.get("note", ""))

    def _refusal(self, request: Request) -> str:
        """Why nobody may label here; empty if one may."""
        if not self._actions:
            return "set http.actions to true to allow this"
        if not self._known():
            return "the web server knows nobody: it has neither users nor client certificates"
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")  # "null" of a page that hides where it is from
        hosts = {request.headers.get("host", ""), self._external}
        if site != "same-origin" or (origin is not None and urlsplit(origin).netloc not in hosts):
            return "the form must come from our own page"
        return ""

    def _kept(self, id: str, answer: str, note: str) -> Response:
        ids = [str(each["id"]) for each in self._status().get("episodes", ())]
        chosen = [known for known in ANSWERS if known == answer]
        if id not in ids:
            return PlainTextResponse("no such episode\n", status_code=404)
        if not chosen:
            return PlainTextResponse(f"answer: one of {', '.join(ANSWERS)}\n", status_code=400)
        if len(note) > LONGEST_NOTE:
            return PlainTextResponse(f"note: at most {LONGEST_NOTE} characters\n", status_code=400)
        now = datetime.now(tz=UTC).isoformat(timespec="seconds")
        try:
            self._labels.put(id, Label(chosen[0], note, now), ids)
        except (OSError, ValueError) as error:
            log.warning("a label cannot be written", file=str(self._labels.path), error=str(error))
            return PlainTextResponse(
                "the label cannot be written; the daemon's log says why\n", status_code=500
            )
        return RedirectResponse(f"../{id}", status_code=303)

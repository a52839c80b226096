"""Starts GitHub Actions workflows by a repository_dispatch event."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from monitor.errors import ReceiverError
from monitor.receivers.calls import (
    LONGEST_RETRY_SECONDS,
    Answer,
    Endpoint,
    described,
    retry_after,
    taken,
)
from monitor.receivers.http import bearer
from monitor.receivers.secret import Secret

API: Final = "https://api.github.com"
API_VERSION: Final = "2022-11-28"
DISPATCHED: Final = (204,)
LARGEST_PAYLOAD: Final = 65_535
"""Of client_payload, as GitHub documents it. It takes 10 top-level properties: we use one."""
_ADVICE: Final = {
    401: "is the token still valid?",
    403: "may the token write contents of the repository?",
    404: "is there such a repository, and may the token see it?",
    422: "GitHub does not accept the event",
}


@dataclass(frozen=True, slots=True)
class GithubReceiver:
    """Dispatches an event to a repository, the request under `client_payload.request`.

    endpoint: of the repository's dispatches.
    """

    endpoint: Endpoint
    event_type: str
    token: Secret
    now: Callable[[], float] = time.time

    def deliver(self, document: dict[str, Any]) -> str:
        """Dispatch it. Raises ReceiverError if it was not taken."""
        payload = {"request": document}
        size = len(_encoded(payload))
        if size > LARGEST_PAYLOAD:
            raise ReceiverError(
                f"the request has {size:,} bytes, GitHub takes {LARGEST_PAYLOAD:,}",
                retryable=False,
            )
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            **bearer(self.token),
        }
        body = _encoded({"event_type": self.event_type, "client_payload": payload})
        return self._judged(self.endpoint.post(body, headers))

    def close(self) -> None:
        """Nothing is held between calls."""

    def _judged(self, answer: Answer) -> str:
        if answer.status in (403, 429) and (pause := _pause(answer, self.now())) is not None:
            raise ReceiverError(
                f"{described(answer.status)}: rate limit", retryable=True, retry_after=pause
            )
        try:
            return taken(answer, DISPATCHED, self.now)
        except ReceiverError as error:
            advice = _ADVICE.get(answer.status)
            if advice is None:
                raise
            raise ReceiverError(f"{error}: {advice}", retryable=error.retryable) from None


def dispatches_url(api: str, repository: str) -> str:
    """Where events are dispatched. repository: OWNER/NAME."""
    return f"{api.rstrip('/')}/repos/{repository}/dispatches"


def _pause(answer: Answer, now: float) -> float | None:
    """Seconds until GitHub's rate limit lets us through; None if that is not why it refused."""
    asked = retry_after(answer.headers, now)
    if asked is not None:
        return asked
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if headers.get("x-ratelimit-remaining") != "0":
        return None
    reset = headers.get("x-ratelimit-reset", "")
    ends = float(reset[:12]) if reset.isascii() and reset.isdigit() else now + 60
    return min(max(0.0, ends - now), LONGEST_RETRY_SECONDS)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

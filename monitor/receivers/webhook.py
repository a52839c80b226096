"""The request as plain JSON by HTTP POST, signed, so that the other end knows who sent it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from monitor.receivers.calls import Endpoint, taken
from monitor.receivers.secret import Secret

VERSION: Final = "v1"
TIMESTAMP: Final = "X-Aead-Timestamp"
SIGNATURE: Final = "X-Aead-Signature"


@dataclass(frozen=True, slots=True)
class WebhookReceiver:
    """Posts each request; any 2xx means that it was taken. now: seconds since the epoch."""

    endpoint: Endpoint
    secret: Secret
    now: Callable[[], float] = time.time

    def deliver(self, document: dict[str, Any]) -> str:
        """Post it. Raises ReceiverError if it was not taken."""
        body = json.dumps(document).encode()
        timestamp = str(int(self.now()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: sign(self.secret.read(), timestamp, body),
        }
        return taken(self.endpoint.post(body, headers))

    def close(self) -> None:
        """Nothing is held between calls."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256 of `timestamp.body` in hex.

    The timestamp is signed, too: who has seen a message cannot send it again later.
    """
    signed = f"{timestamp}.".encode() + body
    return f"{VERSION}={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify(
    secret: str,
    timestamp: str,
    body: bytes,
    signature: str,
    now: float,
    tolerance_seconds: float = 300.0,
) -> bool:
    """Whether a message is ours and fresh: for those who receive it.

    timestamp, signature: the two headers. body: the bytes as they came, before any parsing.
    now: seconds since the epoch; tolerance_seconds: how far the timestamp may be from it.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp)) > tolerance_seconds:
        return False
    expected = sign(secret, timestamp, body)
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))

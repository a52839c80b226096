"""Tokens for SASL OAUTHBEARER: from a file, or fetched with a client's secret (RFC 6749, 4.4)."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

LARGEST_BYTES: Final = 2**16
"""Of a token, and of the answer that holds one."""
FETCH_SECONDS: Final = 5.0
"""Longest wait for a token: the client of Kafka stands meanwhile."""
UNTOLD_SECONDS: Final = 300.0
"""How long a token is taken to be good that does not say so."""
FRESH_SHARE: Final = 0.8
"""Of its life in which a fetched token is used again."""


class TokenError(OSError):
    """There is no token. The text names the setting, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Token:
    """text: what the broker gets; kept out of repr. expires: seconds since the epoch."""

    text: str = field(repr=False)
    expires: float


Source = Callable[[], Token]


@dataclass(frozen=True, slots=True)
class FileToken:
    """The token that stands in a file now: somebody else keeps it fresh."""

    path: Path

    def __call__(self) -> Token:
        """Raises TokenError if it cannot be read, or holds none that is good."""
        try:
            with self.path.open("rb") as file:
                data = file.read(LARGEST_BYTES + 1)
            text = data.decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a token"
            raise TokenError(f"kafka.sasl.token_file: cannot read {self.path}: {reason}") from None
        if not text or len(data) > LARGEST_BYTES or len(text.split()) != 1:
            raise TokenError(f"kafka.sasl.token_file: {self.path} holds no token")
        token = Token(text, _expiry(text))
        if token.expires <= time.time():
            raise TokenError(f"kafka.sasl.token_file: the token in {self.path} is over")
        return token


class ClientCredentials:
    """Tokens from an address, fetched when the last one is nearly over. For any thread.

    secret_file: read at each fetch. ca_file: authorities to trust instead of the system's.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        secret_file: Path,
        scope: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self._url, self._client_id, self._secret_file = url, client_id, secret_file
        self._scope = scope
        handlers: list[Any] = [urllib.request.ProxyHandler({}), _NoRedirect()]
        if url.startswith("https:"):
            context = ssl.create_default_context(cafile=ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)
        self._guard = threading.Lock()
        self._token = Token("", 0.0)
        self._until = 0.0

    def __call__(self) -> Token:
        """Raises TokenError if none can be fetched."""
        with self._guard:
            now = time.time()
            if now >= self._until:
                self._token = self._fetched(now)
                self._until = now + FRESH_SHARE * (self._token.expires - now)
            return self._token

    def _fetched(self, now: float) -> Token:
        try:
            with self._opener.open(self._request(), timeout=FETCH_SECONDS) as answer:
                document = json.loads(answer.read(LARGEST_BYTES))
            text = document["access_token"]
            life = float(document.get("expires_in") or UNTOLD_SECONDS)
        except urllib.error.HTTPError as error:
            error.close()
            raise self._failed(f"answered {error.code}") from None
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            raise self._failed(f"cannot be reached: {reason}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._failed("answered without a token") from None
        if not isinstance(text, str) or not text.isascii() or len(text.split()) != 1:
            raise self._failed("answered without a token")
        return Token(text, now + life)

    def _request(self) -> urllib.request.Request:
        try:
            secret = self._secret_file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise TokenError(
                f"kafka.sasl.client_secret_file: cannot read {self._secret_file}"
            ) from None
        pair = ":".join(urllib.parse.quote_plus(part) for part in (self._client_id, secret))
        form = {"grant_type": "client_credentials"}
        if self._scope is not None:
            form["scope"] = self._scope
        return urllib.request.Request(  # noqa: S310  (http and https are all it may be)
            self._url,
            data=urllib.parse.urlencode(form).encode(),
            headers={
                "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
        )

    def _failed(self, why: str) -> TokenError:
        return TokenError(f"kafka.sasl.token_url: {self._url.partition('?')[0]} {why}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another address would get the secret."""

    def redirect_request(self, *arguments: Any, **settings: Any) -> None:
        """Follow none."""
        return


def _expiry(token: str) -> float:
    """When a token says that it is over, if it does (RFC 7519, `exp`)."""
    try:
        part = token.split(".")[1]
        claims: Mapping[str, Any] = json.loads(
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        )
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return time.time() + UNTOLD_SECONDS

"""Tokens: fresh, never in a message, and never sent elsewhere."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from monitor.stream.oauth import FRESH_SHARE, ClientCredentials, FileToken, TokenError

SECRET = "correct horse"


def jwt(expires: float) -> str:
    body = urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    return f"head.{body}.sign"


def test_a_file_is_read_at_each_login(tmp_path: Path) -> None:
    path, hour = tmp_path / "token", time.time() + 3600
    source = FileToken(path)
    path.write_text(jwt(hour) + "\n")
    assert source().text == jwt(hour)
    assert source().expires == hour
    path.write_text("opaque")
    assert source().text == "opaque"
    assert source().expires > time.time()


@pytest.mark.parametrize("content", [None, "", "two words", "x" * 100_000, "\xff", jwt(7)])
def test_a_file_without_a_good_token_names_the_setting_and_not_the_content(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(TokenError, match=r"^kafka\.sasl\.token_file: ") as caught:
        FileToken(path)()
    assert not content or content not in str(caught.value)


class Issuer(BaseHTTPRequestHandler):
    """Answers as it is told to."""

    code: ClassVar[int] = 200
    answer: ClassVar[Any] = {}
    asked: ClassVar[int] = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(self.answer).encode()
        self.send_response(self.code)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815  (where a redirect would lead)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def issuer() -> Iterator[str]:
    Issuer.code, Issuer.asked = 200, 0
    with HTTPServer(("127.0.0.1", 0), Issuer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


def credentials(url: str, folder: Path) -> ClientCredentials:
    (folder / "secret").write_text(SECRET)
    return ClientCredentials(url, "me", folder / "secret")


def test_a_token_is_used_again_until_it_is_nearly_over(
    issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Issuer.answer = {"access_token": "abc", "expires_in": 1000}
    now = [time.time()]
    monkeypatch.setattr("monitor.stream.oauth.time.time", lambda: now[0])
    source = credentials(issuer, tmp_path)
    begun = now[0]
    assert [source().text for _ in range(3)] == ["abc"] * 3
    assert source().expires == begun + 1000
    now[0] = begun + FRESH_SHARE * 1000 - 1
    source()
    assert Issuer.asked == 1
    now[0] = begun + FRESH_SHARE * 1000
    source()
    assert Issuer.asked == 2


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (401, {"error": SECRET}),
        (302, {"access_token": "abc"}),
        (200, {}),
        (200, []),
        (200, {"access_token": 7}),
        (200, {"access_token": "two words"}),
        (200, {"access_token": "abc", "expires_in": "soon"}),
    ],
)
def test_an_answer_without_a_token_is_told_without_a_secret(
    code: int, answer: Any, issuer: str, tmp_path: Path
) -> None:
    Issuer.code, Issuer.answer = code, answer
    with pytest.raises(TokenError, match=r"^kafka\.sasl\.token_url: http://.* answered") as caught:
        credentials(issuer, tmp_path)()
    assert SECRET not in str(caught.value)
    assert Issuer.asked == 1


def test_an_address_where_nobody_is_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="cannot be reached"):
        credentials("http://127.0.0.1:9/token", tmp_path)()

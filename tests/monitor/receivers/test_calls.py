"""Calls by HTTP: they end in time whatever the server does, and trust nobody by accident."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from monitor.errors import ReceiverError
from monitor.receivers import calls
from monitor.receivers.calls import (
    LARGEST_ANSWER_BYTES,
    Answer,
    Endpoint,
    retry_after,
    taken,
)
from tests.kafka.secure import Authority
from tests.monitor.receivers.conftest import Serve
from tests.monitor.receivers.servers import (
    dripping_body,
    endless_body,
    endless_headers,
    endless_tunnel,
    hang,
    hang_up,
    reply,
    tunnel_to,
)

LIMIT_SECONDS = 0.5
MARGIN_SECONDS = 5.0
NOW = 1_772_366_400.0


@contextmanager
def bounded() -> Iterator[None]:
    """What is done within took little longer than the limit, and left no thread behind."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < LIMIT_SECONDS + MARGIN_SECONDS
    deadline = time.monotonic() + MARGIN_SECONDS
    while any(thread.name == "http-call" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the call goes on behind our back"
        time.sleep(0.01)


def endpoint(url: str, **changes: float) -> Endpoint:
    return Endpoint(url, **{"total_seconds": LIMIT_SECONDS, **changes})  # type: ignore[arg-type]


def test_it_sends_what_it_is_given_and_returns_what_came(serve: Serve) -> None:
    server = serve(reply(202, b"thanks", X_Seen="yes"))
    answer = Endpoint(f"{server.url}/a/b?c=d").post(b"body", {"Content-Type": "text/plain"})
    assert (answer.status, answer.body, answer.headers["X-Seen"]) == (202, b"thanks", "yes")
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/a/b?c=d", b"body")
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["user-agent"].startswith("aead-monitor/")


@pytest.mark.parametrize("answer", [hang, endless_headers])
def test_a_server_that_does_not_come_to_an_answer_is_cut_off(serve: Serve, answer: object) -> None:
    server = serve(answer)
    with bounded(), pytest.raises(ReceiverError, match=r"no answer within 0\.5 s") as caught:
        endpoint(server.url).post(b"{}", {})
    assert caught.value.retryable


def test_headers_that_our_cut_breaks_off_are_no_answer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_and_wait(exchange: calls._Exchange) -> None:
        """The thread has read all that it will before anybody looks at what it read."""
        cut(exchange)
        while any(thread.name == "http-call" for thread in threading.enumerate()):
            time.sleep(0.01)

    cut = calls._Exchange.cut
    monkeypatch.setattr(calls._Exchange, "cut", cut_and_wait)
    server = serve(endless_headers)
    with bounded(), pytest.raises(ReceiverError, match=r"no answer within 0\.5 s"):
        endpoint(server.url).post(b"{}", {})


def test_a_silent_server_is_given_up_before_the_deadline(serve: Serve) -> None:
    server = serve(hang)
    with bounded(), pytest.raises(ReceiverError, match="timed out"):
        endpoint(server.url, total_seconds=60, read_seconds=0.3).post(b"{}", {})


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("answer", [dripping_body, endless_body])
def test_a_body_without_end_does_not_change_the_answer(
    serve: Serve, tmp_path: Path, answer: object, secure: bool
) -> None:
    authority = Authority("tests")
    certificate = authority.write_server(tmp_path / "server.pem") if secure else None
    server = serve(answer, certificate=certificate)
    trusted = authority.write(tmp_path / "ca.pem") if secure else None
    with bounded():
        got = Endpoint(server.url, trusted, total_seconds=LIMIT_SECONDS).post(b"{}", {})
    assert got.status == 202
    assert len(got.body) <= LARGEST_ANSWER_BYTES


def test_of_a_large_body_only_the_beginning_is_read(serve: Serve) -> None:
    body = bytes(range(256)) * 2**12
    got = Endpoint(serve(reply(200, body)).url).post(b"{}", {})
    assert got.body == body[:LARGEST_ANSWER_BYTES]


def test_a_server_that_never_begins_tls_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        with bounded(), pytest.raises(ReceiverError, match="timed out"):
            endpoint(url, total_seconds=60, connect_seconds=0.3).post(b"{}", {})


def test_no_server_at_all_can_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        bounded(),
        pytest.raises(ReceiverError, match=r"^cannot connect: Connection refused$") as caught,
    ):
        endpoint(f"http://127.0.0.1:{port}/secret-path").post(b"{}", {})
    assert caught.value.retryable
    assert "secret-path" not in str(caught.value)


def test_a_connection_that_breaks_can_be_tried_again(serve: Serve) -> None:
    with bounded(), pytest.raises(ReceiverError) as caught:
        endpoint(serve(hang_up).url).post(b"{}", {})
    assert caught.value.retryable


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    other = serve(reply(200))
    server = serve(reply(307, Location=f"{other.url}/"))
    answer = endpoint(server.url).post(b"{}", {"Authorization": "Bearer s3cret"})
    with pytest.raises(ReceiverError, match="redirects are not followed") as caught:
        taken(answer)
    assert not caught.value.retryable
    assert not other.requests


def test_a_proxy_of_the_environment_is_not_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(reply(200)), serve(reply(202))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert endpoint(server.url).post(b"{}", {}).status == 202
    assert not proxy.requests


def test_a_configured_proxy_passes_plain_http_on(serve: Serve) -> None:
    proxy = serve(reply(202))
    answer = Endpoint("http://server.example:81/a?b=c", proxy=proxy.url).post(b"body", {})
    assert answer.status == 202
    (request,) = proxy.requests
    assert request.target == "http://server.example:81/a?b=c"
    assert request.headers["host"] == "server.example:81"
    assert request.body == b"body"


def test_through_a_configured_proxy_tls_is_with_the_server(serve: Serve, tmp_path: Path) -> None:
    authority = Authority("tests")
    server = serve(reply(202), certificate=authority.write_server(tmp_path / "server.pem"))
    proxy = serve(tunnel_to(server))
    trusted = authority.write(tmp_path / "ca.pem")
    headers = {"Authorization": "Bearer s3cret"}
    assert Endpoint(server.url, trusted, proxy=proxy.url).post(b"body", headers).status == 202
    (asked,), (request,) = proxy.requests, server.requests
    assert (asked.method, asked.target) == ("CONNECT", server.url.removeprefix("https://"))
    assert "authorization" not in asked.headers
    assert request.body == b"body"
    with pytest.raises(ReceiverError, match="the certificate is not trusted"):
        Endpoint(server.url, proxy=proxy.url).post(b"body", headers)
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [hang, endless_tunnel])
def test_a_proxy_that_does_not_come_to_an_answer_is_cut_off(serve: Serve, answer: object) -> None:
    proxy = serve(answer)
    with bounded(), pytest.raises(ReceiverError, match=r"no answer within 0\.5 s"):
        Endpoint("https://server.example", proxy=proxy.url, total_seconds=0.5).post(b"{}", {})


def test_a_proxy_that_refuses_can_be_tried_again(serve: Serve) -> None:
    with pytest.raises(ReceiverError, match="the proxy answered HTTP 407") as caught:
        Endpoint("https://server.example", proxy=serve(reply(407)).url).post(b"{}", {})
    assert caught.value.retryable


def test_a_certificate_of_our_authority_is_trusted(serve: Serve, tmp_path: Path) -> None:
    authority = Authority("tests")
    server = serve(reply(200), certificate=authority.write_server(tmp_path / "server.pem"))
    assert Endpoint(server.url, authority.write(tmp_path / "ca.pem")).post(b"{}", {}).status == 200


@pytest.mark.parametrize("trusted", ["the system's", "another"])
def test_a_wrong_certificate_gets_nothing_and_is_tried_again(
    serve: Serve, tmp_path: Path, trusted: str
) -> None:
    server = serve(reply(200), certificate=Authority("a").write_server(tmp_path / "server.pem"))
    ca_file = None if trusted != "another" else Authority("b").write(tmp_path / "ca.pem")
    with pytest.raises(ReceiverError, match="the certificate is not trusted") as caught:
        Endpoint(server.url, ca_file).post(b"{}", {})
    assert caught.value.retryable
    assert not server.requests


def test_a_certificate_for_another_name_gets_nothing(serve: Serve, tmp_path: Path) -> None:
    authority = Authority("tests")
    server = serve(reply(200), certificate=authority.write_server(tmp_path / "server.pem"))
    url = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ReceiverError, match="the certificate is not trusted"):
        Endpoint(url, authority.write(tmp_path / "ca.pem")).post(b"{}", {})
    assert not server.requests


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with pytest.raises(ReceiverError, match=f"HTTP {status}") as caught:
        taken(Answer(status, {"retry-after": "7"}))
    assert caught.value.retryable
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [301, 304, 400, 401, 403, 404, 409, 410, 413, 422, 299])
def test_what_will_stay_is_refused_for_good(status: int) -> None:
    with pytest.raises(ReceiverError, match=f"HTTP {status}") as caught:
        taken(Answer(status, {}), accepted=(200,))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("999999999999999999999", 3600),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        (formatdate(NOW + 1e6, usegmt=True), 3600),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after_is_understood_and_bounded(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_without_retry_after_there_is_none() -> None:
    assert retry_after({}, NOW) is None

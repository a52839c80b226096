"""Clients that are slow, idle or hostile hold up nobody else, and are cut off in the end."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from monitor.web import connections
from monitor.web.connection import HEAD_BYTES, LONGEST_SECONDS, Phase
from tests.kafka.process import wait_until
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import HOST, Site, ask, scrape_seconds, serving, stalled, trusting

SLOWER = 2
"""At most so many times as long as beside nobody does a scrape take: the median of some."""
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: monitor\r\n\r\n"
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def assert_prompt(site: Site, config: Path | None = None, **settings: object) -> None:
    """Scrapes are as quick as those of a site that nobody else asks, measured in turn.

    A machine that is busy with other work may spoil one pair of series.
    """
    pairs = []
    with serving(config) as quiet:
        for _ in range(5):
            pairs.append([scrape_seconds(of.port, **settings) for of in (quiet, site, quiet)])
            before, disturbed, after = pairs[-1]
            if disturbed < SLOWER * max(before, after):
                return
    pytest.fail(f"alone, disturbed, alone: {pairs} s")


@pytest.mark.parametrize("count", [20, 200])
@pytest.mark.parametrize(
    "sent",
    [b"", REQUEST[:20], b"POST /-/reload HTTP/1.1\r\nContent-Length: 9\r\n\r\nbody", REQUEST * 50],
    ids=["silent", "half a head", "half a body", "never reads"],
)
def test_stalled_clients_do_not_slow_a_scrape(count: int, sent: bytes) -> None:
    with serving() as site, stalled(site.port, count, sent):
        assert_prompt(site)


@pytest.mark.parametrize("count", [20, 200])
@pytest.mark.parametrize("sent", [b"", HALF_A_HELLO], ids=["silent", "half a hello"])
def test_stalled_tls_clients_do_not_slow_a_scrape_of_64_partitions(
    secure: Path, authority: Authority, count: int, sent: bytes
) -> None:
    with serving(secure) as site, stalled(site.port, count, sent):
        assert_prompt(site, secure, tls=trusting(authority.file))


def test_clients_that_agree_on_tls_and_do_not_read_slow_nobody(
    secure: Path, authority: Authority
) -> None:
    context = trusting(authority.file)
    with serving(secure) as site, stalled(site.port, 20) as clients, ExitStack() as held:
        for client in clients:
            wrapped = held.enter_context(context.wrap_socket(client, server_hostname=HOST))
            wrapped.sendall(REQUEST * 50)
        assert_prompt(site, secure, tls=context)


class TestLimits:
    """With limits of a fraction of a second, as the real ones would make these tests long."""

    @pytest.fixture(autouse=True)
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for phase in Phase:
            monkeypatch.setitem(LONGEST_SECONDS, phase, 0.3)
        monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.02)

    def test_an_unfinished_head_ends_the_connection_even_if_it_drips(self) -> None:
        with serving() as site, stalled(site.port, 1, REQUEST[:10]) as (client,):
            drip(client, REQUEST[10:20])
            assert site.value("http_connections_cut_total", reason="head") == 1

    def test_an_unfinished_handshake_ends_the_connection(self, secure: Path) -> None:
        with serving(secure) as site, stalled(site.port, 1, HALF_A_HELLO) as (client,):
            assert end_of(client)
            assert site.value("http_connections_cut_total", reason="handshake") == 1

    def test_a_client_that_does_not_read_is_cut_off(self) -> None:
        with serving() as site, not_reading(site):
            wait_until(
                lambda: site.value("http_connections_cut_total", reason="answer") == 1,
                10,
                lambda: "not cut off",
            )

    def test_a_body_is_answered_unread_and_ends_the_connection(self) -> None:
        head = b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
        with serving() as site, stalled(site.port, 1, head) as (client,):
            answer = everything(client)
            assert answer.startswith(b"HTTP/1.1 202")
            assert b"\r\nconnection: close\r\n" in answer.lower()

    def test_an_idle_connection_ends_without_being_counted_as_cut(self) -> None:
        with serving() as site, stalled(site.port, 1, REQUEST) as (client,):
            assert everything(client).startswith(b"HTTP/1.1 200")
            cut = [site.value("http_connections_cut_total", reason=r) for r in ("head", "answer")]
            assert cut == [0, 0]

    def test_a_busy_connection_lives_longer_than_any_limit(self) -> None:
        with serving() as site, closing(HTTPConnection(HOST, site.port, timeout=10)) as client:
            client.connect()
            socket_at_first = client.sock
            for _ in range(20):
                client.request("GET", "/-/healthy")
                assert client.getresponse().read() == b"healthy\n"
                time.sleep(0.05)
            assert client.sock is socket_at_first
            assert site.value("http_connections_cut_total", reason="head") == 0


def test_a_head_that_is_too_large_is_refused_in_one_piece_or_in_many() -> None:
    large = b"x" * (HEAD_BYTES + 1)
    with serving() as site, stalled(site.port, 1, REQUEST[:-2] + b"X-Large: " + large) as (client,):
        assert everything(client).startswith(b"HTTP/1.1 400")
        assert ask(site.port, headers={"X-Large": large.decode()})[0] == 431
        assert ask(site.port)[0] == 200


def test_requests_sent_before_the_answer_are_not_answered() -> None:
    with serving() as site, stalled(site.port, 1, REQUEST * 3) as (client,):
        assert everything(client).count(b"HTTP/1.1 200") == 1


def test_nonsense_after_a_request_breaks_only_its_own_connection() -> None:
    nonsense = REQUEST[:-2] + b"Transfer-Encoding: chunked\r\n\r\nno chunk at all\r\n"
    with serving() as site, stalled(site.port, 5, nonsense) as clients:
        for client in clients:
            everything(client)
        assert ask(site.port)[0] == 200


class TestCrowd:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "MOST_CONNECTIONS", 10)

    def test_the_oldest_unfinished_one_makes_room_for_a_scrape(self) -> None:
        with serving() as site, stalled(site.port, 10, REQUEST[:10]) as clients:
            assert ask(site.port)[0] == 200
            assert end_of(clients[0])
            assert site.value("http_connections_cut_total", reason="crowd") == 1
            clients[9].sendall(REQUEST[10:])
            assert clients[9].recv(12) == b"HTTP/1.1 200"

    def test_connections_that_nobody_uses_make_room_before_an_answer_does(self) -> None:
        with serving() as site, not_reading(site) as answered, stalled(site.port, 9) as idle:
            assert ask(site.port)[0] == 200
            assert end_of(idle[0])
            assert everything(answered).endswith(b"\n")


def test_a_scrape_gets_through_while_others_keep_coming() -> None:
    stopping = threading.Event()
    with serving() as site, ExitStack() as held, stalled(site.port, connections.MOST_CONNECTIONS):

        def come() -> None:
            while not stopping.wait(0.002):
                held.enter_context(socket.create_connection((HOST, site.port), timeout=10))

        thread = threading.Thread(target=come)
        thread.start()
        try:
            statuses = [ask(site.port, "/-/healthy")[0] for _ in range(20)]
        finally:
            stopping.set()
            thread.join()
        assert statuses == [200] * 20
        assert site.value("http_connections_cut_total", reason="crowd") > 0


@pytest.mark.parametrize("sent", [b"", REQUEST[:10], REQUEST * 50], ids=["idle", "head", "answer"])
def test_it_stops_at_once_whoever_is_connected(sent: bytes) -> None:
    with serving() as site, stalled(site.port, 50, sent):
        begun = time.monotonic()
        site.server.stop()
        assert time.monotonic() - begun < 3
        assert not site.server._thread.is_alive()


def test_many_scrapes_at_once_share_the_work() -> None:
    with serving() as site:
        alone = statistics.median(timed(site) for _ in range(5))
        # The quickest of three: on a busy machine one may have to wait for its turn.
        assert min(crowded(site) for _ in range(3)) < 100 * alone / 3


@contextmanager
def not_reading(site: Site) -> Iterator[socket.socket]:
    """A client that has asked for the metrics and reads one byte of them."""
    with socket.socket() as client:
        # So small that the answer cannot vanish in the system's buffers.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        site.server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        client.settimeout(10)
        client.connect((HOST, site.port))
        client.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert client.recv(1) == b"H"
        yield client


def crowded(site: Site) -> float:
    with stalled(site.port, 100, REQUEST):
        return timed(site)


def timed(site: Site) -> float:
    begun = time.perf_counter()
    assert ask(site.port)[0] == 200
    return time.perf_counter() - begun


def drip(client: socket.socket, data: bytes) -> None:
    """Send a byte now and then until the server has had enough."""
    with pytest.raises(ConnectionError):
        for _ in range(500):
            client.sendall(data[:1])
            time.sleep(0.01)


def end_of(client: socket.socket) -> bool:
    """Whether the server ends the connection within the socket's time limit."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def everything(client: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)

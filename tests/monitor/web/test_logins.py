"""Who may ask, with a password."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from pathlib import Path

import bcrypt
import pytest

from monitor.web.passwords import WAITING_FROM_ONE, BusyError, Passwords
from tests.kafka.process import wait_until
from tests.monitor.web.site import HASH, PASSWORD, ask, login, serving, write_config

EVERYTHING = (
    "/", "/metrics", "/api/status", "/api/episodes", "/api/evidence",
    "/pictures/x.png", "/-/healthy", "/-/ready",
)  # fmt: skip


def hash_of(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path / "web.yml", basic_auth_users={"prometheus": HASH})


def test_the_right_password_opens_and_everything_else_is_401(config: Path) -> None:
    with serving(config) as site:
        for path in EVERYTHING:
            assert ask(site.port, path)[0] == 401, path
            assert ask(site.port, path, headers=login("prometheus", PASSWORD))[0] == 200, path
        for wrong in (
            login("prometheus", "wrong"),
            login("prometheus", ""),
            login("Prometheus", PASSWORD),
            login("somebody", PASSWORD),
            login("", PASSWORD),
            login("prometheus", PASSWORD + "x" * 72),
            login("prometheus", "\0"),
            {"Authorization": "Basic"},
            {"Authorization": "Basic no base64"},
            {"Authorization": "Basic bm9jb2xvbg=="},
            {"Authorization": "Basic //8="},
            {"Authorization": f"Bearer {PASSWORD}"},
        ):
            status, body, headers = ask(site.port, headers=wrong)
            assert (status, body) == (401, b"user and password are needed\n")
            assert headers["www-authenticate"].startswith("Basic ")
        assert site.value("http_logins_refused_total") == len(EVERYTHING) + 12


def test_a_look_for_a_new_model_needs_the_password_too(config: Path) -> None:
    with serving(config) as site:
        assert ask(site.port, "/-/reload", method="POST")[0] == 401
        headers = login("prometheus", PASSWORD)
        assert ask(site.port, "/-/reload", method="POST", headers=headers)[0] == 202


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_hashes_of_every_usual_tool_are_understood(tmp_path: Path, prefix: str) -> None:
    text = HASH.replace("$2b$", prefix)
    with serving(write_config(tmp_path / "web.yml", basic_auth_users={"a": text})) as site:
        assert ask(site.port, headers=login("a", PASSWORD))[0] == 200


def test_a_scraper_waits_for_its_hash_only_once(tmp_path: Path) -> None:
    slow = hash_of(PASSWORD, cost=10)
    with serving(write_config(tmp_path / "web.yml", basic_auth_users={"a": slow})) as site:
        seconds = []
        for _ in range(8):
            begun = time.perf_counter()
            assert ask(site.port, headers=login("a", PASSWORD))[0] == 200
            seconds.append(time.perf_counter() - begun)
    assert statistics.median(seconds[1:]) < seconds[0] / 3


def test_somebody_without_an_account_waits_as_long_as_somebody_with_one() -> None:
    users = Passwords({"known": hash_of(PASSWORD, 9)})

    def work(user: str) -> float:
        # Of this thread: on a busy machine the clock on the wall says little.
        begun = time.thread_time()
        assert not users._check(user, b"wrong")
        return time.thread_time() - begun

    pairs = [(work("unknown"), work("known")) for _ in range(10)]
    unknown, known = (min(times) for times in zip(*pairs, strict=True))
    assert unknown == pytest.approx(known, rel=0.5)
    users.close()


def test_a_flood_of_wrong_passwords_holds_up_no_known_scraper(tmp_path: Path) -> None:
    slow = hash_of(PASSWORD, cost=10)
    stopping = threading.Event()
    with serving(write_config(tmp_path / "web.yml", basic_auth_users={"a": slow})) as site:
        headers = login("a", PASSWORD)
        begun = time.perf_counter()
        assert ask(site.port, headers=headers)[0] == 200
        one_hash = time.perf_counter() - begun
        statuses: set[int] = set()

        def guess(number: int) -> None:
            while not stopping.is_set():
                statuses.add(ask(site.port, headers=login("a", f"{number}"))[0])

        threads = [threading.Thread(target=guess, args=(n,)) for n in range(WAITING_FROM_ONE + 2)]
        for thread in threads:
            thread.start()
        wait_until(lambda: statuses == {401, 503}, 20, lambda: f"only {statuses}")
        seconds = []
        for _ in range(9):
            begun = time.perf_counter()
            assert ask(site.port, "/-/healthy", headers=headers)[0] == 200
            seconds.append(time.perf_counter() - begun)
        stopping.set()
        for thread in threads:
            thread.join()
    assert statistics.median(seconds) < max(0.1, one_hash * WAITING_FROM_ONE / 2)  # not in line


def test_only_so_many_hashes_wait_for_one_address() -> None:
    users = Passwords({"a": hash_of(PASSWORD, 8)})

    async def rush() -> list[object]:
        asking = [users.right("a", b"%d" % n, "10.0.0.1") for n in range(WAITING_FROM_ONE + 3)]
        other = users.right("a", PASSWORD.encode(), "10.0.0.2")
        return list(await asyncio.gather(*asking, other, return_exceptions=True))

    *same, other = asyncio.run(rush())
    assert sum(isinstance(item, BusyError) for item in same) == 3
    assert other is True
    assert not users._waiting
    users.close()


def test_headers_of_the_file_are_on_every_answer(tmp_path: Path) -> None:
    wanted = {
        "X-Frame-Options": "deny",
        "Strict-Transport-Security": "max-age=600",
        "Content-Security-Policy": "default-src 'none'",
    }
    config = write_config(
        tmp_path / "web.yml",
        http_server_config={"headers": wanted},
        basic_auth_users={"prometheus": HASH},
    )
    with serving(config) as site:
        for headers in ({}, login("prometheus", PASSWORD)):
            answered = ask(site.port, "/", headers=headers)[2]
            found = {name.lower(): value for name, value in answered.items()}
            assert {name: found[name.lower()] for name in wanted} == wanted

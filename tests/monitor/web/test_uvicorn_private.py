"""The private parts of uvicorn: each is there, and one that is not is told in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.errors import LibraryError
from monitor.web import uvicorn_private


def test_the_installed_uvicorn_has_all_parts() -> None:
    uvicorn_private.check()


def refusal() -> str:
    with pytest.raises(LibraryError) as caught:
        uvicorn_private.check()
    text = str(caught.value)
    assert "\n" not in text
    assert "tested with uvicorn 0.54.0" in text
    return text


@pytest.mark.parametrize("name", ["connection_lost", "data_received", "on_response_complete"])
def test_a_missing_method_of_the_protocol_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited = hasattr(H11Protocol.__base__, name)
    monkeypatch.setattr(H11Protocol, name, None) if inherited else monkeypatch.delattr(
        H11Protocol, name
    )
    assert f"h11_impl:H11Protocol.{name} is" in refusal()


@pytest.mark.parametrize("name", ["startup", "shutdown"])
def test_a_missing_method_of_the_server_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(uvicorn.Server, name)
    assert f"uvicorn:Server.{name} is missing" in refusal()


@pytest.mark.parametrize("name", ["conn", "transport"])
def test_a_missing_attribute_of_a_connection_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = H11Protocol.__init__

    def without(self: H11Protocol, *arguments: object, **settings: object) -> None:
        begin(self, *arguments, **settings)  # type: ignore[arg-type]
        delattr(self, name)

    monkeypatch.setattr(H11Protocol, "__init__", without)
    assert f"private part protocol:{name}" in refusal()


def test_a_protocol_that_is_made_in_another_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(H11Protocol, "__init__", lambda self, config: None)
    assert "h11_impl:H11Protocol is made in another way" in refusal()


def test_a_server_without_its_state_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "__init__", lambda self, config: None)
    assert "server:server_state is missing" in refusal()


def test_a_module_that_has_moved_is_told_in_one_line() -> None:
    start = "from monitor.cli import main; sys.exit(main(['check-config', 'none.yaml']))"
    moved = "import sys, uvicorn; sys.modules['uvicorn.protocols.http.h11_impl'] = None"
    done = subprocess.run(
        [sys.executable, "-c", f"{moved}; {start}"], capture_output=True, text=True, timeout=120
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("aead-monitor: uvicorn 0.54.0 does not fit: its private part")
    assert "H11Protocol" in line
    assert (done.returncode, done.stdout) == (2, "")

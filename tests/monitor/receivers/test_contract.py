"""What holds for every receiver that is called by HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from monitor.config.receivers import RECEIVERS, CalledReceiver, Receivers
from monitor.daemon.assembly.receivers import BUILDERS, build_receivers
from monitor.errors import ReceiverError
from monitor.receivers import Receiver
from monitor.stream.kafka_options import Connection
from tests.monitor.receivers.conftest import Serve
from tests.monitor.receivers.sections import KINDS, SECRET, TAKEN, example
from tests.monitor.receivers.servers import reply
from tests.monitor.retraining.documents import document

CALLED = [kind for kind, section in KINDS.items() if issubclass(section, CalledReceiver)]
every_called = pytest.mark.parametrize("kind", CALLED)


def build(kind: str, url: str, folder: Path) -> Receiver:
    (folder / "token").write_text(SECRET)
    configs = TypeAdapter(Receivers).validate_python([example(kind, folder, url=url)])
    (receiver,) = build_receivers(configs, Connection("127.0.0.1:1")).values()
    return receiver


@pytest.mark.parametrize("section", RECEIVERS)
def test_there_is_a_builder_for_every_section(section: type) -> None:
    assert section in BUILDERS, (
        f"monitor/daemon/assembly/receivers.py: add what builds {section.__name__} to BUILDERS"
    )


@every_called
def test_a_request_is_posted_once_and_taken(kind: str, serve: Serve, tmp_path: Path) -> None:
    server = serve(reply(TAKEN[kind]))
    sent = document()
    answer = build(kind, server.url, tmp_path).deliver(sent)
    assert answer.startswith(f"HTTP {TAKEN[kind]} ")
    (request,) = server.requests
    assert request.method == "POST"
    assert sent["id"].encode() in request.body


@every_called
@pytest.mark.parametrize(("status", "retryable"), [(503, True), (302, False), (404, False)])
def test_a_refusal_is_told_without_the_secret(
    kind: str, status: int, retryable: bool, serve: Serve, tmp_path: Path
) -> None:
    server = serve(reply(status, SECRET.encode()))
    receiver = build(kind, server.url, tmp_path)
    with pytest.raises(ReceiverError, match=f"HTTP {status}") as caught:
        receiver.deliver(document())
    assert caught.value.retryable is retryable
    assert SECRET not in str(caught.value) + repr(receiver)

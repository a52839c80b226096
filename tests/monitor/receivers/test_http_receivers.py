"""What each receiver that is called by HTTP sends, and what it makes of the answer."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from monitor.errors import ReceiverError
from monitor.receivers.airflow import AirflowReceiver, runs_url
from monitor.receivers.calls import Endpoint
from monitor.receivers.github import LARGEST_PAYLOAD, GithubReceiver, dispatches_url
from monitor.receivers.http import HttpReceiver
from monitor.receivers.secret import Secret
from monitor.receivers.webhook import WebhookReceiver, sign, verify
from tests.monitor.receivers.conftest import Serve
from tests.monitor.receivers.servers import reply
from tests.monitor.retraining.documents import document

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "schemas" / "retrain-request.json").read_text()
)
NOW = 1_772_366_400.7
TOKEN = "s3cret-token"


@pytest.fixture
def token(tmp_path: Path) -> Secret:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return Secret(path)


def received(server: Any) -> BaseCloudEvent:
    (request,) = server.requests
    return from_http_event(HTTPMessage(request.headers, request.body))


@pytest.mark.parametrize("binary", [False, True], ids=["structured", "binary"])
def test_http_sends_a_cloud_event_that_others_understand(serve: Serve, binary: bool) -> None:
    server = serve(reply(202))
    sent = document(model="digits of line 4")
    assert HttpReceiver(Endpoint(server.url), binary).deliver(sent) == "HTTP 202 Accepted"
    event = received(server)
    assert event.get_id() == sent["id"]
    assert event.get_type() == "io.aead-monitor.retrain.requested"
    assert event.get_source() == "aead-monitor/digits%20of%20line%204"
    assert event.get_subject() == "0123456789abcdef"
    assert event.get_datacontenttype() == "application/json"
    assert event.get_dataschema() == "urn:aead-monitor:retrain-request:1"
    time = event.get_time()
    assert time is not None
    assert time.isoformat() == "2026-03-01T12:00:09+00:00"
    assert event.get_data() == sent
    jsonschema.validate(event.get_data(), SCHEMA)


def test_http_says_in_the_content_type_which_mode_it_is(serve: Serve) -> None:
    server = serve(reply(200))
    for binary in (False, True):
        HttpReceiver(Endpoint(server.url), binary, source="here").deliver(document())
    structured, binary_request = server.requests
    assert structured.headers["content-type"] == "application/cloudevents+json"
    assert binary_request.headers["content-type"] == "application/json"
    assert binary_request.headers["ce-source"] == "here"


def test_http_sends_token_and_headers_as_they_are_in_their_files_now(
    serve: Serve, token: Secret, tmp_path: Path
) -> None:
    server = serve(reply(200))
    (tmp_path / "tenant").write_text("line-4")
    receiver = HttpReceiver(
        Endpoint(server.url), token=token, headers={"X-Tenant": Secret(tmp_path / "tenant")}
    )
    receiver.deliver(document())
    token.path.write_text("renewed")
    receiver.deliver(document())
    first, second = server.requests
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.headers["x-tenant"] == "line-4"
    assert second.headers["authorization"] == "Bearer renewed"


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff", b"\xc3\xa9", bytes(70_000)])
def test_a_token_that_cannot_be_sent_is_told_without_its_content(
    serve: Serve, token: Secret, content: bytes | None
) -> None:
    server = serve(reply(200))
    token.path.unlink()
    if content is not None:
        token.path.write_bytes(content)
    with pytest.raises(ReceiverError) as caught:
        HttpReceiver(Endpoint(server.url), token=token).deliver(document())
    assert caught.value.retryable
    assert str(token.path) in str(caught.value)
    assert "two" not in str(caught.value)
    assert not server.requests


def test_webhook_signs_timestamp_and_body(serve: Serve, token: Secret) -> None:
    server = serve(reply(204))
    receiver = WebhookReceiver(Endpoint(f"{server.url}/hook"), token, now=lambda: NOW)
    assert receiver.deliver(document()) == "HTTP 204 No Content"
    (request,) = server.requests
    stamp, signature = (request.headers[f"x-aead-{name}"] for name in ("timestamp", "signature"))
    digest = hmac.new(TOKEN.encode(), b"1772366400." + request.body, hashlib.sha256).hexdigest()
    assert (stamp, signature) == ("1772366400", f"v1={digest}")
    assert json.loads(request.body) == document()
    assert verify(TOKEN, stamp, request.body, signature, NOW)


def test_a_signature_holds_for_its_secret_body_and_time_alone() -> None:
    stamp, body = "1772366400", b'{"id": 1}'
    good = sign(TOKEN, stamp, body)
    assert verify(TOKEN, stamp, body, good, NOW + 299)
    assert verify(TOKEN, stamp, body, good, NOW + 8, tolerance_seconds=10)
    assert not verify(TOKEN, stamp, body, good, NOW + 301)
    assert not verify(TOKEN, stamp, body, good, NOW - 302)
    assert not verify("other", stamp, body, good, NOW)
    assert not verify(TOKEN, stamp, body + b" ", good, NOW)
    assert not verify(TOKEN, "1772366401", body, good, NOW)
    assert not verify(TOKEN, stamp, body, good.removeprefix("v1="), NOW)
    for strange in ("", "-1", "nan", "1e9", "9" * 400, "\u0661", " 1772366400"):
        assert not verify(TOKEN, strange, body, sign(TOKEN, strange, body), NOW)
    assert not verify(TOKEN, stamp, body, "v1=\udcff\u00e9", NOW)


def test_airflow_gets_what_its_api_documents(serve: Serve, token: Secret) -> None:
    server = serve(reply(200, b'{"dag_run_id": "aead-0"}'))
    url = runs_url(f"{server.url}/prefix/", "retrain_digits")
    sent = document()
    assert AirflowReceiver(Endpoint(url), token).deliver(sent) == "HTTP 200 OK"
    (request,) = server.requests
    assert request.target == "/prefix/api/v2/dags/retrain_digits/dagRuns"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    # TriggerDAGRunPostBody takes no other properties, and requires logical_date.
    assert json.loads(request.body) == {
        "dag_run_id": f"aead-{sent['id']}",
        "logical_date": None,
        "conf": sent,
    }


def test_airflow_has_it_when_the_run_exists(serve: Serve, token: Secret) -> None:
    receiver = AirflowReceiver(Endpoint(serve(reply(409)).url), token)
    assert receiver.deliver(document()) == "HTTP 409 Conflict: the run exists"


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (404, False), (204, False),
                                                   (302, False), (503, True)])  # fmt: skip
def test_airflow_has_not_taken_anything_else(
    serve: Serve, token: Secret, status: int, retryable: bool
) -> None:
    with pytest.raises(ReceiverError, match=f"HTTP {status}") as caught:
        AirflowReceiver(Endpoint(serve(reply(status)).url), token).deliver(document())
    assert caught.value.retryable is retryable
    assert TOKEN not in str(caught.value)


def test_github_gets_what_its_api_documents(serve: Serve, token: Secret) -> None:
    server = serve(reply(204))
    url = dispatches_url(f"{server.url}/", "owner/name")
    sent = document()
    assert GithubReceiver(Endpoint(url), "retrain", token).deliver(sent) == "HTTP 204 No Content"
    (request,) = server.requests
    assert request.target == "/repos/owner/name/dispatches"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["accept"] == "application/vnd.github+json"
    assert request.headers["x-github-api-version"] == "2022-11-28"
    body = json.loads(request.body)
    assert body == {"event_type": "retrain", "client_payload": {"request": sent}}


def test_github_is_not_sent_more_than_it_takes(serve: Serve, token: Secret) -> None:
    server = serve(reply(204))
    receiver = GithubReceiver(Endpoint(server.url), "retrain", token)
    small = len(json.dumps({"request": document(reason="")}, separators=(",", ":")))
    receiver.deliver(document(reason="x" * (LARGEST_PAYLOAD - small)))
    with pytest.raises(ReceiverError, match="65,536 bytes, GitHub takes 65,535") as caught:
        receiver.deliver(document(reason="x" * (LARGEST_PAYLOAD - small + 1)))
    assert not caught.value.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry_After": "60"}, 60),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1772366520"}, 119.3),
        ({"X_RateLimit_Remaining": "0"}, 60),
    ],
)
def test_a_rate_limit_of_github_is_waited_for(
    serve: Serve, token: Secret, headers: dict[str, str], pause: float
) -> None:
    server = serve(reply(403, **headers))
    receiver = GithubReceiver(Endpoint(server.url), "retrain", token, now=lambda: NOW)
    with pytest.raises(ReceiverError, match="rate limit") as caught:
        receiver.deliver(document())
    assert caught.value.retryable
    assert caught.value.retry_after == pytest.approx(pause)


@pytest.mark.parametrize("status", [200, 401, 403, 404, 422])
def test_github_has_not_taken_anything_but_204(serve: Serve, token: Secret, status: int) -> None:
    server = serve(reply(status, X_RateLimit_Remaining="12"))
    with pytest.raises(ReceiverError, match=f"HTTP {status}") as caught:
        GithubReceiver(Endpoint(server.url), "retrain", token).deliver(document())
    assert not caught.value.retryable

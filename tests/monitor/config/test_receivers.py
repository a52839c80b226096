"""The sections on receivers: what is refused, what is built, and what is held for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from monitor.config.file import _find, _resolved_fields, load
from monitor.config.receivers import ReceiverConfig, Receivers
from monitor.config.section import Section
from monitor.daemon.assembly.receivers import build_receivers, holding
from monitor.errors import ConfigError
from monitor.receivers.airflow import AirflowReceiver
from monitor.receivers.command import CommandReceiver
from monitor.receivers.github import GithubReceiver
from monitor.receivers.http import HttpReceiver
from monitor.receivers.kafka import KafkaReceiver
from monitor.receivers.webhook import WebhookReceiver
from monitor.stream.kafka_options import Connection
from tests.monitor.receivers.sections import KINDS, SECRET, example

CONNECTION = Connection("127.0.0.1:1")
MANY = TypeAdapter(Receivers)


def sections(folder: Path) -> list[dict[str, Any]]:
    """One of each kind, as in docs/retraining-requests.md."""
    return [example(kind, folder) for kind in KINDS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    return tmp_path


def read(*values: dict[str, Any]) -> tuple[ReceiverConfig, ...]:
    return MANY.validate_python(list(values))


def changed(folder: Path, kind: str, **changes: Any) -> dict[str, Any]:
    return example(kind, folder, **changes)


def test_each_kind_becomes_its_receiver(folder: Path) -> None:
    built = build_receivers(read(*sections(folder)), CONNECTION)
    assert {name: type(receiver) for name, receiver in built.items()} == {
        "topic": KafkaReceiver,
        "bus": HttpReceiver,
        "hook": WebhookReceiver,
        "airflow": AirflowReceiver,
        "actions": GithubReceiver,
        "script": CommandReceiver,
    }
    airflow, actions = built["airflow"], built["actions"]
    assert isinstance(airflow, AirflowReceiver)
    assert isinstance(actions, GithubReceiver)
    assert airflow.endpoint.url == "https://airflow.example/api/v2/dags/retrain/dagRuns"
    assert actions.endpoint.url == "https://api.github.com/repos/owner/name/dispatches"
    assert SECRET not in repr(built)


def test_those_that_start_a_retraining_wait_for_a_person(folder: Path) -> None:
    assert holding(read(*sections(folder))) == {
        "topic": False,
        "bus": False,
        "hook": False,
        "airflow": True,
        "actions": True,
        "script": True,
    }


@pytest.mark.parametrize(
    "url",
    ["ftp://host/", "//host/", "host:80", "https://", "https://user:pw@host/", "https://user@host",
     "https://host/#part", "https://host/a b", "https://host/\r\nX: y", "https://host:0/",
     "https://host:99999/", "https://h\u00f6st/", "file:///etc/passwd", ""],
)  # fmt: skip
def test_an_address_that_could_mean_something_else_is_refused(folder: Path, url: str) -> None:
    for kind in ("http", "webhook", "airflow"):
        with pytest.raises(ValidationError):
            read(changed(folder, kind, url=url))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("airflow", {"dag": "../../users"}),
        ("airflow", {"url": "https://airflow.example?x=1"}),
        ("github", {"repository": "owner"}),
        ("github", {"repository": "owner/name/dispatches"}),
        ("github", {"event_type": "x" * 101}),
        ("http", {"header_files": {"Content-Type": "x"}}),
        ("http", {"header_files": {"X: y\r\nZ": "x"}}),
        ("http", {"header_files": {"ce-id": "x"}}),
        ("http", {"token": SECRET}),
        ("http", {"timeout_seconds": 0}),
        ("http", {"source": "a b"}),
        ("http", {"proxy": "https://proxy:3128"}),
        ("http", {"proxy": "http://proxy"}),
        ("http", {"proxy": "http://user:pw@proxy:3128"}),
        ("command", {"arguments": []}),
        ("command", {"arguments": "rm -rf /"}),
        ("command", {"arguments": ["a\0b"]}),
        ("kafka", {"topic": ".."}),
        ("kafka", {"name": "Not A Name"}),
        ("kafka", {"kind": "carrier-pigeon"}),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read({**changed(folder, kind), **changes})


def test_names_are_unique_and_receivers_not_too_many(folder: Path) -> None:
    one = changed(folder, "kafka")
    with pytest.raises(ValidationError, match="topic is there twice"):
        read(one, changed(folder, "http", name="topic"))
    with pytest.raises(ValidationError):
        read(*({**one, "name": f"n{i}"} for i in range(17)))


@pytest.mark.parametrize(
    ("kind", "key", "contents"),
    [
        ("http", "token_file", (None, "", "one\ntwo")),
        ("airflow", "token_file", (None, "", "one\ntwo")),
        ("github", "token_file", (None, "", "one\ntwo")),
        ("webhook", "secret_file", (None, "")),
        ("http", "ca_file", (None, "", "one\ntwo")),
    ],
)
def test_files_that_cannot_be_used_are_told_at_the_start(
    folder: Path, kind: str, key: str, contents: tuple[str | None, ...]
) -> None:
    for place, content in enumerate(contents):
        path = folder / f"bad-{place}"
        if content is not None:
            path.write_text(content)
        configs = read(changed(folder, kind, **{key: path}))
        with pytest.raises(ConfigError, match=rf"retraining\.receivers\.\w+\.{key}") as caught:
            build_receivers(configs, CONNECTION)
        assert "\n" not in str(caught.value)
        assert "two" not in str(caught.value)


class Whole(BaseModel):
    """As monitor.config.Config holds them."""

    class Retraining(Section):
        receivers: Receivers = ()

    retraining: Retraining = Retraining()


def test_relative_paths_of_receivers_are_taken_from_the_folder_of_the_file() -> None:
    values = [
        {"kind": "http", "name": "bus", "url": "http://h", "token_file": "token",
         "header_files": {"X-A": "a", "X-B": "/b"}},
    ]  # fmt: skip
    whole = Whole.model_validate({"retraining": {"receivers": values}})
    resolved = _resolved_fields(whole, Path("/etc/aead"))["retraining"].receivers
    assert resolved[0].token_file == Path("/etc/aead/token")
    assert resolved[0].header_files == {"X-A": Path("/etc/aead/a"), "X-B": Path("/b")}


def test_a_mistake_in_a_receiver_is_told_with_what_its_key_means() -> None:
    values = [{"kind": "airflow", "name": "a", "url": "http://h", "dag": "/", "tokn_file": "t"}]
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"retraining": {"receivers": values}})
    found = {error["loc"][-1]: _find(error["loc"], Whole) for error in caught.value.errors()}
    assert found["dag"][1] == "The DAG to run."
    unknown = found["tokn_file"][0]
    assert unknown is not None
    assert "token_file" in unknown.model_fields


def test_a_receiver_must_not_write_to_the_topic_that_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text(
        "model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n"
        "retraining: {receivers: [{name: all, kind: kafka, topic: in}]}\n"
    )
    with pytest.raises(ConfigError, match=r"all must not write to kafka\.topic"):
        load(str(path))

"""Settings of the client in its own words, and logins: what is passed on, what is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from monitor.cli import main
from monitor.config.file import load
from monitor.daemon.assembly.kafka import build_connection, build_subscription, check_client
from monitor.errors import ConfigError, LibraryError
from monitor.stream import confluent_options
from monitor.stream.client_options import OWNED
from monitor.stream.kafka_options import Connection, connect
from monitor.stream.sources.confluent.settings import consumer_settings


def write(folder: Path, **kafka: Any) -> str:
    path = folder / "aead-monitor.yaml"
    document = {"model": "model", "codec": {"name": "raw"}, "kafka": {"topic": "in", **kafka}}
    path.write_text(yaml.safe_dump(document))
    return str(path)


def connection(folder: Path, **kafka: Any) -> Connection:
    return build_connection(load(write(folder, **kafka)).kafka)


def given(client: type, made: Connection, **own: Any) -> dict[str, Any]:
    """The options that a client of kafka-python is made with."""

    def make(**options: Any) -> dict[str, Any]:
        return options

    make.DEFAULT_CONFIG = client.DEFAULT_CONFIG  # type: ignore[attr-defined]
    return connect(make, **made.options(), **own)


def test_each_client_gets_of_the_options_what_it_knows(tmp_path: Path) -> None:
    options = {"fetch_min_bytes": 5, "linger.ms": 50, "reconnect_backoff_ms": 7, "proxy_url": "p"}
    made = connection(tmp_path, options=options, client_id="line-4", client_rack="b")
    consumer = given(KafkaConsumer, made, linger_ms=1)
    assert (consumer["fetch_min_bytes"], consumer["client_rack"]) == (5, "b")
    assert consumer["linger_ms"] == 1  # no consumer has it
    producer = given(KafkaProducer, made, linger_ms=5)
    assert producer["linger_ms"] == 50
    assert not producer.keys() & {"fetch_min_bytes", "client_rack"}
    admin = given(KafkaAdminClient, made)
    assert not admin.keys() & {"fetch_min_bytes", "linger_ms", "client_rack"}
    for each in (consumer, producer, admin):
        assert (each["client_id"], each["reconnect_backoff_ms"]) == ("line-4", 7)
        assert each["proxy_url"] == "p"


def test_options_are_in_librdkafkas_words_with_its_client(tmp_path: Path) -> None:
    options = {"fetch.min.bytes": 5, "linger.ms": 50, "max.partition.fetch.bytes": 70_000}
    path = write(tmp_path, client="confluent", options=options, client_id="line-4", client_rack="b")
    config = load(path).kafka
    settings = consumer_settings(build_connection(config), build_subscription(config))
    expected = {**options, "client.id": "line-4", "client.rack": "b"}
    assert {name: settings[name] for name in expected} == expected
    # What makes topics and looks at damage is kafka-python, which knows the rack alone.
    consumer = given(KafkaConsumer, build_connection(config))
    assert (consumer["client_id"], consumer["client_rack"]) == ("line-4", "b")


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
@pytest.mark.parametrize("name", [*OWNED, "ssl.ca.location", "sasl.password", "oauth_cb"])
def test_what_is_the_daemons_own_is_refused_by_name(client: str, name: str, tmp_path: Path) -> None:
    for spelt in {name, name.replace("_", "."), name.upper()}:
        with pytest.raises(ConfigError) as caught:
            load(write(tmp_path, client=client, options={spelt: 1}))
        assert f"kafka: options: {spelt} cannot be given here: " in str(caught.value)


@pytest.mark.parametrize("module", [KafkaConsumer, KafkaProducer])
def test_nothing_that_we_rely_on_can_be_given(module: Any, tmp_path: Path) -> None:
    relied_on = {
        "enable_auto_commit", "auto_offset_reset", "group_id", "check_crcs", "isolation_level",
        "partition_assignment_strategy", "acks", "enable_idempotence", "transactional_id",
        "kafka_client", "key_deserializer", "value_serializer", "partitioner", "metrics_enabled",
        "max_poll_records", "delivery_timeout_ms", "retries", "selector", "sasl_plain_password",
    }  # fmt: skip
    for name in relied_on & module.DEFAULT_CONFIG.keys():
        with pytest.raises(ConfigError, match=name):
            load(write(tmp_path, options={name: 1}))


@pytest.mark.parametrize(
    ("client", "options", "text"),
    [
        ("kafka-python", {"fetch_min_byte": 1}, "no fetch_min_byte. Did you mean"),
        ("kafka-python", {"fetch_min_bytes": "many"}, "must be of type int, got 'many'"),
        ("kafka-python", {"fetch_min_bytes": True}, "must be of type int, got True"),
        ("kafka-python", {"exclude_internal_topics": 1}, "must be of type bool, got 1"),
        ("kafka-python", {"socket_options": 1}, "an object of Python's"),
        ("kafka-python", {"linger_ms": 1, "linger.ms": 2}, "is there twice"),
        ("confluent", {"fetch.min.byte": 1}, "No such configuration property"),
        ("confluent", {"fetch.min.bytes": "many"}, "Invalid value"),
        ("confluent", {"plugin.library.paths": "x.so"}, "the daemon sets it"),
        ("confluent", {"ssl.key.pem": "---"}, "the section kafka.tls has its place"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    client: str,
    options: dict[str, Any],
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path, client=client, options=options)
    assert main(["check-config", path, "--no-model"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line


def test_the_environment_can_give_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEAD_MONITOR_KAFKA__OPTIONS__FETCH_MIN_BYTES", "7")
    assert given(KafkaConsumer, connection(tmp_path))["fetch_min_bytes"] == 7


SASL = {"security_protocol": "SASL_SSL"}


@pytest.mark.parametrize(
    ("sasl", "text"),
    [
        ({"mechanism": "PLAIN", "username": "u"}, "mechanism PLAIN needs password_file"),
        ({"mechanism": "OAUTHBEARER"}, "needs either token_file or token_url"),
        (
            {"mechanism": "OAUTHBEARER", "token_file": "t", "token_url": "https://h"},
            "needs either token_file or token_url",
        ),
        ({"mechanism": "OAUTHBEARER", "token_file": "t", "scope": "s"}, "scope goes with"),
        (
            {"mechanism": "OAUTHBEARER", "token_url": "https://h"},
            "needs client_id and client_secret_file",
        ),
        ({"mechanism": "OAUTHBEARER", "token_url": "file:///etc/passwd"}, "must be an address"),
        ({"mechanism": "OAUTHBEARER", "token_url": "https://u:p@h"}, "must not hold a login"),
        ({"mechanism": "GSSAPI", "username": "u"}, "username is not for mechanism GSSAPI"),
        ({"mechanism": "AWS_MSK_IAM", "password_file": "p"}, "password_file is not for"),
        ({"mechanism": "DIGEST-MD5"}, "kafka.sasl.mechanism: must be"),
    ],
)
def test_a_login_says_what_its_mechanism_needs_and_nothing_else(
    sasl: dict[str, str], text: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, **SASL, sasl=sasl))
    assert text in str(caught.value)


def test_aws_needs_kafka_python_and_tls(tmp_path: Path) -> None:
    sasl = {"mechanism": "AWS_MSK_IAM"}
    with pytest.raises(ConfigError, match="needs client kafka-python"):
        load(write(tmp_path, **SASL, client="confluent", sasl=sasl))
    with pytest.raises(ConfigError, match="needs security_protocol SASL_SSL"):
        load(write(tmp_path, security_protocol="SASL_PLAINTEXT", sasl=sasl))


@pytest.mark.parametrize(
    ("mechanism", "package"), [("AWS_MSK_IAM", "botocore"), ("GSSAPI", "gssapi")]
)
def test_a_package_that_a_mechanism_needs_is_named(
    mechanism: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.daemon.assembly.sasl.find_spec", lambda name: None)
    with pytest.raises(LibraryError, match=rf"{mechanism} needs the package {package}.*pip"):
        connection(tmp_path, **SASL, sasl={"mechanism": mechanism})


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages of the mechanisms are there, and the environment is put back at the end."""
    monkeypatch.setattr("monitor.daemon.assembly.sasl.find_spec", lambda name: object())
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", "before")


@pytest.mark.usefixtures("packages")
def test_kerberos_is_said_in_the_words_of_both_clients(tmp_path: Path) -> None:
    (tmp_path / "keytab").write_bytes(b"secret")
    sasl = {
        "mechanism": "GSSAPI", "keytab_file": "keytab", "principal": "me@REALM",
        "kerberos_service": "broker", "kerberos_domain": "kafka.example.com",
    }  # fmt: skip
    made = connection(tmp_path, **SASL, sasl=sasl)
    consumer = given(KafkaConsumer, made)
    assert consumer["sasl_mechanism"] == "GSSAPI"
    assert consumer["sasl_kerberos_service_name"] == "broker"
    assert consumer["sasl_kerberos_domain_name"] == "kafka.example.com"
    assert os.environ["KRB5_CLIENT_KTNAME"] == str(tmp_path / "keytab")
    native = confluent_options.options(made)
    expected = {
        "sasl.mechanism": "GSSAPI",
        "sasl.kerberos.service.name": "broker",
        "sasl.kerberos.principal": "me@REALM",
        "sasl.kerberos.keytab": str(tmp_path / "keytab"),
    }
    assert {name: native.get(name) for name in expected} == expected


@pytest.mark.usefixtures("packages")
def test_a_keytab_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.sasl\.keytab_file: cannot read .*nowhere"):
        connection(tmp_path, **SASL, sasl={"mechanism": "GSSAPI", "keytab_file": "nowhere"})


def test_a_confluent_kafka_without_kerberos_says_so(tmp_path: Path) -> None:
    config = load(write(tmp_path, **SASL, client="confluent", sasl={"mechanism": "GSSAPI"}))
    with pytest.raises(LibraryError, match="GSSAPI is not in the installed confluent-kafka"):
        check_client(config.kafka)


@pytest.mark.usefixtures("packages")
def test_aws_signs_with_the_credentials_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kafka.net.sasl.msk import SaslMechanismAwsMskIam

    (tmp_path / "credentials").write_text("[line-4]\naws_access_key_id = AKIA4\n")
    sasl = {
        "mechanism": "AWS_MSK_IAM", "credentials_file": "credentials", "profile": "line-4",
        "region": "eu-west-1",
    }  # fmt: skip
    options = given(KafkaConsumer, connection(tmp_path, **SASL, sasl=sasl))
    assert options["sasl_mechanism"] == "AWS_MSK_IAM"
    monkeypatch.setitem(sys.modules, "botocore", ModuleType("botocore"))
    monkeypatch.setitem(sys.modules, "botocore.session", session_module())
    mechanism = SaslMechanismAwsMskIam(host="b-1", security_protocol="SASL_SSL")
    message = mechanism.auth_bytes().decode()
    assert "AKIA4/" in message
    assert "/eu-west-1/kafka-cluster/" in message


def session_module() -> ModuleType:
    """As botocore's: credentials from the file and profile that the environment names."""

    class Session:
        def get_credentials(self) -> Any:
            text = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
            assert text.startswith(f"[{os.environ['AWS_PROFILE']}]")
            key = text.split(" = ")[1].strip()

            class Frozen:
                access_key, secret_key, token = key, "secret", None

                def get_frozen_credentials(self) -> Any:
                    return self

            return Frozen()

        def get_config_variable(self, name: str) -> str:
            assert name == "region"
            return os.environ["AWS_DEFAULT_REGION"]

    module = ModuleType("botocore.session")
    module.Session = Session  # type: ignore[attr-defined]
    return module

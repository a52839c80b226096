"""`aead-monitor produce`, up to the broker: what is sent, how fast, and what is refused."""

import argparse
import socket
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from models.description import Description
from models.recipe import TrainingSettings, train
from models.schema import Schema
from models.windows import Window, windows_of
from monitor.cli import parser
from monitor.codecs import CODECS, CodecSettings, plugins
from monitor.commands import produce
from monitor.commands.delivery import Delivery
from monitor.errors import UserError

ROWS = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
TOPIC = ("--topic", "images", "--bootstrap-servers", "127.0.0.1:9")


@pytest.fixture
def data(tmp_path):
    np.savez(tmp_path / "data.npz", x=ROWS, y=[0, 1, 0, 1])
    return f"{tmp_path / 'data.npz'}:x"


@pytest.fixture
def messages(data):
    """Key and value of each message of the file."""

    def list_of(codec="raw", path=data, **options):
        defaults = {"data": [path], "where": None, "bundle": None, "codec": codec, "repeat": 1}
        defaults["limit"] = None
        made = produce.Messages(argparse.Namespace(**(defaults | options)))
        sent = list(made)
        assert len(made) == len(sent)
        assert made.size == len(sent[0][1])
        return sent

    return list_of


@pytest.mark.parametrize("codec", produce.OWN_CODECS)
def test_each_record_is_one_message_with_its_position_as_the_key(messages, codec):
    sent = messages(codec)
    decode = CODECS[codec](CodecSettings((2, 3), "uint8")).decode
    assert [key for key, _ in sent] == [b"0", b"1", b"2", b"3"]
    np.testing.assert_array_equal(np.concatenate([decode(value) for _, value in sent]), ROWS)


@pytest.mark.parametrize(("codec", "headers"), [("raw", [("aead-dtype", b"|u1")]), ("json", [])])
def test_raw_messages_say_their_type(data, codec, headers):
    options = {
        "data": [data],
        "where": None,
        "bundle": None,
        "codec": codec,
        "repeat": 1,
        "limit": None,
    }
    assert produce.Messages(argparse.Namespace(**options)).headers == headers


class Backwards:
    """A codec of another package: the numbers as text, last first."""

    def __init__(self, settings):
        pass

    def encode(self, row):
        return ",".join(map(str, row.ravel()[::-1].tolist())).encode()

    def decode(self, value):
        return np.array([[float(text) for text in value.split(b",")][::-1]])


@pytest.fixture
def plug_in(monkeypatch):
    point = EntryPoint("backwards", f"{__name__}:Backwards", plugins.GROUP)
    monkeypatch.setattr(
        plugins, "entry_points",
        lambda group, name=None: [p for p in (point,) if name in (None, p.name)],
    )  # fmt: skip


def test_codecs_of_other_packages_are_offered(plug_in, data, messages, capsys):
    given = ["produce", "--data", data, *TOPIC, "--codec", "backwards"]
    assert parser().parse_args(given).codec == "backwards"
    assert messages("backwards")[0] == (b"0", b"5,4,3,2,1,0")
    assert list(produce.Codecs()) == [*produce.OWN_CODECS, "backwards"]
    with pytest.raises(SystemExit):
        parser().parse_args([*given[:-1], "gone"])
    assert "invalid choice: 'gone' (choose from" in capsys.readouterr().err


def test_a_schema_that_only_producers_know_cannot_be_chosen(data, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["produce", "--data", data, *TOPIC, "--codec", "json-schema"])
    assert "invalid choice: 'json-schema'" in capsys.readouterr().err


@pytest.mark.parametrize("codec", produce.OWN_CODECS)
def test_every_codec_can_be_chosen(data, codec):
    given = ["produce", "--data", data, *TOPIC]
    assert parser().parse_args([*given, "--codec", codec]).codec == codec
    assert parser().parse_args(given).codec == produce.DEFAULT_CODEC


def test_a_selection_keeps_the_positions_in_the_file(messages):
    assert [key for key, _ in messages(where="y=1")] == [b"1", b"3"]


@pytest.mark.parametrize(
    ("options", "keys"),
    [({"repeat": 2}, "01230123"), ({"limit": 3}, "012"), ({"repeat": 2, "limit": 6}, "012301")],
)
def test_the_file_is_sent_as_often_as_asked(messages, options, keys):
    assert [key.decode() for key, _ in messages(**options)] == list(keys)


def test_truth_values_are_sent_as_bytes(messages, tmp_path):
    np.save(tmp_path / "x.npy", np.eye(2, dtype=bool))
    assert messages(path=str(tmp_path / "x.npy")) == [(b"0", b"\x01\x00"), (b"1", b"\x00\x01")]


def test_what_a_codec_cannot_carry_is_refused(messages, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 3), np.float32))
    path = str(tmp_path / "x.npy")
    with pytest.raises(UserError, match=f"{path}: cannot be sent with --codec image: images are"):
        messages("image", path=path)


class Clock:
    """Time that passes only in `sleep`, and a little for each item."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(("rate", "cost"), [(10, 0.0), (10, 0.05), (0.5, 0.1), (1e6, 0.0)])
def test_no_message_leaves_before_its_time(rate, cost):
    clock, sent = Clock(), []
    for _ in produce.paced(range(50), rate, clock, clock.sleep):
        sent.append(clock() - 100)
        clock.sleep(cost)
    expected = np.arange(50) / rate
    np.testing.assert_allclose(sent, expected, atol=produce.SHORTEST_SLEEP_SECONDS + 1e-9)


def test_a_delay_is_made_up_for():
    clock, sent = Clock(), []
    for i in produce.paced(range(10), 10, clock, clock.sleep):
        sent.append(clock() - 100)
        clock.sleep(0.5 if i == 2 else 0)
    np.testing.assert_allclose(sent, [0, 0.1, 0.2, *[0.7] * 5, 0.8, 0.9], atol=1e-2)


def test_without_a_rate_nothing_waits():
    assert list(produce.paced("abc", None, lambda: 0.0, pytest.fail)) == ["a", "b", "c"]


class Future:
    """The outcome of a message, decided at once."""

    def __init__(self, error):
        self.error = error

    def add_callback(self, then):
        if self.error is None:
            then(None)

    def add_errback(self, then):
        if self.error is not None:
            then(self.error)


class Producer:
    """A broker that takes every message but those of some values."""

    def __init__(self, refuses=()):
        self.refuses = refuses

    def send(self, topic, key, value):
        if value == b"unsendable":
            raise KafkaTimeoutError("no metadata")
        return Future(MessageSizeTooLargeError("too large") if value in self.refuses else None)

    def flush(self, timeout):
        pass

    def close(self, timeout):
        pass


def test_what_is_acknowledged_is_counted():
    sending = Delivery(Producer(refuses=(b"b",)), "images", 1)
    for value in (b"a", b"b", b"c"):
        sending.send(b"k", value)
    assert (sending.sent, sending.finish()) == (3, 2)
    assert sending.failure().startswith("topic images: 1 messages were not delivered: ")
    assert "too large" in sending.failure()


def test_a_topic_that_takes_nothing_is_one_line():
    sending = Delivery(Producer(), "images", 1)
    with pytest.raises(UserError, match="topic images: KafkaTimeoutError: no metadata"):
        sending.send(b"k", b"unsendable")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--rate", "0"], "--rate must be a number above 0, got 0"),
        (["--rate", "inf"], "--rate must be a number above 0, got inf"),
        (["--repeat", "0"], "--repeat must be at least 1, got 0"),
        (["--limit", "-1"], "--limit must be at least 1, got -1"),
        (["--topic", "a b"], "--topic a b: the name of a topic"),
        (["--where", "y=7"], "no record is chosen"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(refused, data, arguments, fault):
    assert fault in refused("produce", "--data", data, *TOPIC, *arguments)


@pytest.mark.parametrize("servers", ["nonsense", "127.0.0.1:port", "PLAINTEXT://a:9092"])
def test_an_address_that_is_none_is_one_line(refused, data, servers):
    line = refused("produce", "--data", data, "--topic", "t", "--bootstrap-servers", servers)
    assert line.startswith("aead-monitor: --bootstrap-servers")
    assert "HOST:PORT" in line and "9092" in line if "://" in servers else servers in line


def test_a_broker_that_cannot_be_reached_is_one_line(refused, data, monkeypatch):
    monkeypatch.setattr("monitor.stream.kafka_options.CONNECT_SECONDS", 0.5)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        servers = f"127.0.0.1:{unused.getsockname()[1]}"
        line = refused("produce", "--data", data, "--topic", "t", "--bootstrap-servers", servers)
    assert line.startswith(f"aead-monitor: --bootstrap-servers {servers}: cannot reach a broker")
    assert line.endswith("Check the address, and that Kafka is running")


def test_a_step_of_a_series_has_the_series_as_its_key(messages, tmp_path):
    steps = np.random.default_rng(0).normal(size=(400, 2))
    names = [f"m{i % 2}" for i in range(400)]
    records, _ = windows_of(steps, Window(8, 4, "machine"), names)
    described = Description(Schema.numbers(("a", "b")), "series", Window(8, 4, "machine"))
    train(records, tmp_path / "bundle", TrainingSettings(epochs=1), described=described)
    rows = [f"{b},{name},{a}" for name, (a, b) in zip(names, steps, strict=True)]
    (tmp_path / "steps.csv").write_text("b,machine,a\n" + "\n".join(rows))
    sent = messages(path=str(tmp_path / "steps.csv"), bundle=str(tmp_path / "bundle"))
    assert [key.decode() for key, _ in sent] == names
    values = np.array([np.frombuffer(value) for _, value in sent])
    assert np.allclose(values, steps)


def test_a_record_that_a_codec_cannot_carry_is_named():
    made = produce.Messages.__new__(produce.Messages)
    made._records, made._index = np.array([[1.0], [np.inf]]), np.array([7, 9])
    made._codec = CODECS["json"](CodecSettings((1,), "float64"))
    assert made._encoded(0)
    with pytest.raises(UserError, match=r"record 9 .* cannot be sent"):
        made._encoded(1)

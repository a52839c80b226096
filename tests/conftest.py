"""Fixtures that tests in more than one folder share: a real Kafka, a small model."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from tests import durations, share

if TYPE_CHECKING:
    from tests.kafka.broker import Broker
    from tests.kafka.topics import TopicFactory


START_ATTEMPTS = 3
ROOT = Path(__file__).parents[1]

# A shell that runs us in the background has us ignore Ctrl-C, and our children with us; the
# tests of Ctrl-C need it as it is on a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The machines are shared and slow at times: a deadline would fail tests at random.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")


def pytest_report_header() -> str:
    """How to repeat the share of the exhaustive tests that this run takes."""
    if share.LONG:
        return "exhaustive tests: all"
    return f"exhaustive tests: the share of AEAD_TEST_SEED={share.seed()}; make check-long: all"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs a broker or takes long, and begin with the slowest files."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        folder = item.path.relative_to(ROOT).parts[1]
        if {"broker", "topic"} & names or folder in ("kafka", "stack", "chaos", "schema_registry"):
            item.add_marker("kafka")
        if "mlflow_server" in names:
            item.add_marker("mlflow")
        if durations.is_slow(item.nodeid.partition("[")[0]):
            item.add_marker("slow")
    order = durations.slowest_first({path_of(item) for item in items})
    places = {path: place for place, path in enumerate(order)}
    items.sort(key=lambda item: places[path_of(item)])


def path_of(item: pytest.Item) -> str:
    """Of its file, from the root."""
    return item.path.relative_to(ROOT).as_posix()


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """What a test has the process do on signals and with logs ends with it."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka broker that all tests share; those that stop it start it again."""
    # Imported here: the quick tests need not wait for the Kafka library.
    from tests.kafka.broker import Broker

    broker = _started(Broker, tmp_path_factory)
    yield broker
    broker.stop()


def _started(make: Callable[[Path], Broker], folders: pytest.TempPathFactory) -> Broker:
    """A broker that runs. Another program may take a port between our look and its start."""
    for attempt in range(1, START_ATTEMPTS + 1):
        broker = make(folders.mktemp("kafka"))
        try:
            broker.start()
        except RuntimeError as error:
            if attempt == START_ATTEMPTS:
                raise
            print(f"the broker did not start, trying other ports: {error}")
        else:
            return broker
    raise AssertionError("unreachable")


@pytest.fixture
def topic(broker: Broker) -> TopicFactory:
    """Makes topics: `topic(partitions=4)` returns the name of a new one."""
    from tests.kafka.topics import TopicFactory

    return TopicFactory(broker.bootstrap_servers)


@pytest.fixture(scope="session")
def digits_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for `digit_images`, trained on the first 1,200 for a few seconds."""
    from models.recipe import train
    from models.settings import TrainingSettings
    from tests.data import digit_images

    folder = tmp_path_factory.mktemp("digits") / "model"
    train(digit_images(1200), folder, TrainingSettings(epochs=6, device="cpu"))
    return folder


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits that `digits_bundle` was not trained on, 20 of noise among them, with labels."""
    import numpy as np

    from tests.data import digit_images

    images = digit_images()[1200:]
    noise = np.random.default_rng(0).integers(0, 240, (20, 8, 8), dtype=np.uint8)
    labels = np.repeat([0, 1], [len(images), len(noise)])
    order = np.random.default_rng(1).permutation(len(labels))
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, x=np.concatenate([images, noise])[order], y=labels[order])
    return path


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small bundle of a table, for replays."""
    from tests.monitor.backtest.streams import trained

    return trained(tmp_path_factory.mktemp("plant") / "model")

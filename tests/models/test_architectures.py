"""The contract of every architecture in the table, over many shapes."""

import pytest
import torch

from models import architectures
from models.architectures import ARCHITECTURES, SOLVED, build, default_architecture, outline
from models.layers import default_hidden
from models.solved import Solved
from tests.asked import Asked
from tests.models.builders import SHAPES, spec_of
from tests.models.losses import LOSSES, mean_squared

CASES = [(name, shape) for name in ARCHITECTURES for shape in SHAPES.get(name, ())]
every_case = pytest.mark.parametrize(("name", "shape"), CASES, ids=str)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_tested(name):
    assert SHAPES[name]


@every_case
def test_the_reconstruction_has_the_shape_of_the_record(name, shape):
    torch.manual_seed(0)
    model = build(name, spec_of(shape), {})
    x = torch.rand(3, *shape)
    assert model(x).shape == x.shape
    code = model.encode(x)
    assert code.shape[0] == 3
    assert code.ndim == 2
    assert torch.equal(model.eval().decode(model.encode(x)), model(x))


@every_case
def test_the_code_is_shorter_than_the_record(name, shape):
    code = build(name, spec_of(shape), {}).encode(torch.rand(2, *shape))
    assert code.shape[1] < max(2, torch.Size(shape).numel())


@every_case
def test_every_parameter_gets_a_gradient_if_it_is_trained(name, shape):
    if name in SOLVED:
        parameters = build(name, spec_of(shape), {}).parameters()
        assert not any(p.requires_grad for p in parameters)
        return
    torch.manual_seed(0)
    model = build(name, spec_of(shape), {})
    model.loss(torch.rand(4, *shape), mean_squared).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@every_case
def test_the_loss_is_what_the_architecture_says_it_is(name, shape):
    torch.manual_seed(0)
    model = build(name, spec_of(shape), {})
    x = torch.rand(4, *shape)
    torch.manual_seed(1)
    loss = model.loss(x, mean_squared)
    torch.manual_seed(1)
    torch.testing.assert_close(loss, LOSSES[name](model, x, mean_squared), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_option_of_train_is_a_setting(name):
    settings = build(name, spec_of(SHAPES[name][0]), {}).settings
    for option in ARCHITECTURES[name].options:
        value = settings[option.name]
        assert isinstance(value, list) == option.many
        assert type(value[0] if option.many else value) is option.type


def test_the_loss_without_a_penalty_is_the_mean_error_of_the_reconstruction():
    model = build("dense", spec_of((5,)), {}).eval()
    x = torch.rand(4, 5)
    assert torch.equal(model.loss(x, mean_squared), (model(x) - x).square().mean())


@every_case
def test_its_settings_rebuild_it(name, shape):
    model = build(name, spec_of(shape), {})
    twin = build(name, spec_of(shape), model.settings)
    assert twin.settings == model.settings
    assert twin.architecture == name
    twin.load_state_dict(model.state_dict())


@every_case
def test_in_service_a_record_is_judged_alike_in_every_batch(name, shape):
    torch.manual_seed(0)
    model = build(name, spec_of(shape), {}).eval()
    x = torch.rand(9, *shape)
    alone = torch.cat([model(record[None]) for record in x])
    assert torch.allclose(model(x), alone, atol=1e-5)


@every_case
def test_an_outline_takes_no_memory_and_has_the_same_tensors(name, shape):
    sketch = outline(name, spec_of(shape), {})
    model = build(name, spec_of(shape), {})
    assert all(p.is_meta for p in sketch.parameters())
    assert {k: v.shape for k, v in sketch.state_dict().items()} == {
        k: v.shape for k, v in model.state_dict().items()
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("setting", ["hidden_", "output", "x" * 10**6])
def test_unknown_settings_and_values_are_refused_in_one_line(name, setting):
    with pytest.raises(ValueError, match=r"unknown setting|must be one of") as caught:
        build(name, spec_of((1, 8, 8)), {setting: "nonsense"})
    assert "\n" not in str(caught.value)


def test_the_table_says_which_are_solved():
    assert [
        name for name, each in ARCHITECTURES.items() if issubclass(each.load(), Solved)
    ] == list(SOLVED)


CRAFTED = Asked(
    "tests/models/test_architectures.py: add settings that architecture {} refuses to CRAFTED",
    {
        "ladder": [
            {"memory": 10**9},
            {"memory": 0},
            {"memory": "256"},
            {"strange": 10**9},
            {"strange": None},
            {"excess": -1},
            {"excess": "2"},
            {"bottleneck": 10**9},
            {"bottleneck": 785},
        ],
        "linear": [{"bottleneck": 10**9}, {"bottleneck": 0}, {"bottleneck": 785}],
        "edges": [{"bottleneck": 10**9}, {"bottleneck": 4000}, {"memory": -1}, {"memory": False}],
        "patches": [{"bottleneck": 10**9}, {"bottleneck": 0}, {"bottleneck": 197}],
        "dense": [
            {"hidden": [10**9]},
            {"hidden": [60_000] * 30},
            {"hidden": [8] * 10**6},
            {"hidden": []},
            {"hidden": [0]},
            {"hidden": [2.0]},
            {"hidden": [True]},
            {"hidden": "16"},
        ],
        "convolutional": [
            {"bottleneck": 10**9},
            {"channels": [65_536, 65_536]},
            {"channels": [4] * 13},
            {"dropout": 1.0},
            {"dropout": "0.1"},
            {"output": ["sigmoid"]},
        ],
        "temporal": [
            {"bottleneck": 10**9},
            {"channels": [65_536, 65_536]},
            {"channels": [4] * 13},
            {"channels": []},
        ],
        "variational": [
            {"hidden": [10**9]},
            {"hidden": [60_000] * 30},
            {"hidden": []},
            {"beta": -0.1},
            {"beta": float("nan")},
            {"beta": 1e9},
            {"beta": "0.1"},
            {"beta": True},
        ],
        "convolutional-variational": [{"bottleneck": 10**9}, {"beta": -0.1}, {"dropout": 1.0}],
        "reconstruction-probability": [
            {"hidden": [10**9]},
            {"beta": -0.1},
            {"draws": 0},
            {"draws": 257},
            {"draws": 10**9},
            {"draws": "8"},
        ],
        "denoising": [{"hidden": [10**9]}, {"corruption": 1.0}, {"corruption": "0.1"}],
        "sparse": [
            {"hidden": []},
            {"penalty": "l3"},
            {"penalty": 1},
            {"activity": 1},
            {"activity": -0.1},
            {"weight": 1e9},
            {"weight": True},
        ],
        "contractive": [{"hidden": [0]}, {"weight": -1}, {"weight": float("nan")}],
        "memory": [{"remembered": 0}, {"remembered": 10**9}, {"entropy": "0.1"}],
    },
)


@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, each) for name in ARCHITECTURES for each in CRAFTED.get(name, [None])],
    ids=lambda value: str(value)[:40],
)
def test_crafted_settings_are_refused_before_memory_is_allocated(name, settings):
    assert settings in CRAFTED[name]
    with pytest.raises(ValueError, match=r"must be|parameters, more than"):
        build(name, spec_of(SHAPES[name][-1]), settings)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(
        ValueError, match=r"unknown architecture 'pickle'; known are ladder, linear, edges, patches"
    ):
        build("pickle", spec_of((4,)), {})


@pytest.mark.parametrize("shape", [(4,), (1, 7, 28), (3, 28, 7)])
def test_convolutional_says_that_dense_suits_vectors_and_tiny_images(shape):
    with pytest.raises(ValueError, match=r"at least 8 x 8 pixels.*use dense"):
        build("convolutional", spec_of(shape), {})


@pytest.mark.parametrize(
    ("shape", "name"),
    [((1,), "dense"), ((784,), "dense"), ((1, 7, 7), "dense"), ((1, 8, 8), "convolutional")],
)
def test_the_default_suits_the_records(shape, name):
    assert default_architecture(spec_of(shape)) == name


def test_the_tutorials_network_is_one_setting():
    hidden = [512, 256, 128, 64, 32, 16]
    model = build("dense", spec_of((784,)), {"hidden": hidden})
    widths = [m.out_features for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert widths == [*hidden, *hidden[-2::-1], 784]


@pytest.mark.parametrize(
    ("d", "hidden"),
    [
        (1, [16, 8, 4, 2, 1]),
        (6, [16, 8, 4, 2]),
        (52, [64, 32, 16, 7]),
        (784, [512, 256, 128, 64, 28]),
    ],
)
def test_dense_sizes_suit_the_number_of_features(d, hidden):
    assert default_hidden(d) == hidden


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 33, 17)])
def test_any_channels_come_back_to_the_size_of_the_image(shape):
    model = build("convolutional", spec_of(shape), {"channels": [3, 1, 4, 1]})
    assert model(torch.rand(2, *shape)).shape == (2, *shape)


def test_parameters_are_bounded_as_a_whole(monkeypatch):
    monkeypatch.setattr(architectures, "MAX_PARAMETERS", 100)
    with pytest.raises(ValueError, match="more than the 100 allowed"):
        build("dense", spec_of((64,)), {})

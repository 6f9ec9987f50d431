"""Models whose activations lie channels-last: the same numbers, and nothing of it to be seen from outside."""

import random

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import feed_forward, get_gradient, load_model, save_model, to_number
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import TensorOp
from fastestimator_lite.op.tensorop.loss import MeanSquaredError
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.util.errors import ConfigError

torch = pytest.importorskip("torch")
nn = torch.nn

TRAIN, EVAL = When("train", 1, ""), When("eval", 1, "")


class Net(nn.Module):
    """Two convolutions, and something between them and the dense layer."""

    def __init__(self, between=None, channels=3, head=None):
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(channels, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.between, self.fc = between, head or nn.LazyLinear(2)
        self.seen = None

    def forward(self, x):
        x = torch.relu(self.norm(self.conv1(x)))
        self.seen = x.is_contiguous(memory_format=torch.channels_last)
        x = self.conv2(x)
        return self.fc(torch.flatten(x if self.between is None else self.between(x), 1))


class Images(nn.Module):
    """Gives images."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.conv2(torch.relu(self.conv1(x))))


class Squared(torch.autograd.Function):
    """A function with a backward that takes no other layout than NCHW."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return (2 * x.reshape(-1) * gradient.contiguous().view(-1)).view(x.shape)


def images(channels=3, count=8, size=12):
    generator = np.random.default_rng(0)
    x = generator.random((count, channels, size, size), np.float32)
    return {"x": x, "y": generator.random((count, 2), np.float32)}


def built(make, batch, optimizer="adam", **options):
    torch.manual_seed(0)
    module = make()
    with torch.no_grad():
        module.eval()(torch.from_numpy(batch["x"]))  # lazy layers learn their sizes
    module.seen = None
    return fe.build(module.train(), optimizer, **options)


def trained(make, batch, steps=3, optimizer="adam", **options):
    """A model after some steps, the network, and the last loss."""
    model = built(make, batch, optimizer, **options)
    network = fe.Network([ModelOp(model, "x", "pred"), MeanSquaredError(("pred", "y"), "mse"), UpdateOp(model, "mse")])
    torch.manual_seed(1)
    for _ in range(steps):
        result = network.load(TRAIN)(batch)
    return model, network, float(to_number(result["mse"])) if steps else 0.0


def is_on(model):
    return model.fe.layout is not None and model.fe.layout.is_on is True


def same_weights(one, other, **tolerance):
    for name, value in one.state_dict().items():
        np.testing.assert_allclose(other.state_dict()[name].numpy(), value.numpy(), err_msg=name, **tolerance)


# ---- the same numbers


@pytest.mark.parametrize("channels", [1, 3])
def test_it_runs_channels_last_and_learns_the_same(channels):
    batch = images(channels)
    plain, _, loss = trained(lambda: Net(channels=channels), batch, channels_last=False)
    model, network, found = trained(lambda: Net(channels=channels), batch)
    assert is_on(model)
    assert model.seen is True
    assert plain.seen is False
    assert found == pytest.approx(loss, rel=1e-5)
    same_weights(plain, model, rtol=1e-4, atol=1e-5)
    network.load(EVAL)(batch)
    assert model.seen is True


def test_with_several_updates_gradients_fit_the_fused_optimizer():
    def make(**options):
        batch = images()
        one, two = (built(Net, batch, **options) for _ in range(2))
        ops = [
            *(ModelOp(net, "x", key) for net, key in ((one, "a"), (two, "b"))),
            *(MeanSquaredError((key, "y"), f"loss {key}") for key in "ab"),
            UpdateOp(one, "loss a"),
            UpdateOp(two, "loss b"),
        ]
        network = fe.Network(ops)
        for _ in range(3):
            network.load(TRAIN)(batch)
        return one, two

    for plain, model in zip(make(channels_last=False), make(), strict=True):
        assert is_on(model)
        same_weights(plain, model, rtol=1e-4, atol=1e-5)


def test_a_fused_optimizer_takes_gradients_of_any_strides():
    weights = []
    for fused in (False, True):
        model = fe.build(
            nn.Conv2d(3, 4, 2),
            lambda parameters, fused=fused: torch.optim.SGD(parameters, lr=0.1, fused=fused),
        )
        with torch.no_grad():
            model.weight.fill_(0.0)
        gradient = torch.arange(48.0).reshape(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
        fe.backend.update_model(model, [gradient, torch.zeros(4)])
        weights.append(model.weight.detach().clone())
    torch.testing.assert_close(weights[0], -0.1 * torch.arange(48.0).reshape(4, 3, 2, 2))
    torch.testing.assert_close(weights[1], weights[0])


def test_a_model_that_runs_twice_and_has_frozen_parts():
    def make(**options):
        batch = {**images(), "z": images(count=8)["x"][::-1].copy()}
        model = built(Net, batch, **options)
        model.conv1.requires_grad_(False)
        ops = [ModelOp(model, "x", "a"), ModelOp(model, "z", "b"), MeanSquaredError(("a", "b"), "mse")]
        network = fe.Network([*ops, UpdateOp(model, "mse")])
        for _ in range(3):
            network.load(TRAIN)(batch)
        return model

    plain, model = make(channels_last=False), make()
    assert is_on(model)
    same_weights(plain, model, rtol=1e-4, atol=1e-5)


def test_the_trial_leaves_buffers_and_random_states():
    batch = images()
    states = []
    for option in (False, None):
        random.seed(0)
        model, _, _ = trained(Net, batch, steps=1, channels_last=option)
        states.append((int(model.norm.num_batches_tracked), torch.get_rng_state().tolist(), random.random()))
        assert is_on(model) is (option is None)
    assert states[0] == states[1]
    assert states[0][0] == 1


# ---- nothing to be seen from outside


def test_parameters_gradients_outputs_and_files_are_as_usual(tmp_path):
    batch = images()
    plain, _, _ = trained(Net, batch, channels_last=False)
    model, _, _ = trained(Net, batch)
    assert is_on(model)
    assert list(model.state_dict()) == list(plain.state_dict())
    for tensor in [*model.state_dict().values(), *(one.grad for one in model.parameters())]:
        assert tensor.is_contiguous()
    for state in model.fe.optimizer.state_dict()["state"].values():
        assert all(value.is_contiguous() for value in state.values())
    load_model(plain, save_model(model, tmp_path, "laid_out", save_optimizer=True), load_optimizer=True)
    same_weights(model, plain, rtol=0, atol=0)


def test_gradients_are_contiguous_as_parameters_and_images_are():
    model, _, _ = trained(Net, images())
    x = torch.from_numpy(images()["x"]).requires_grad_()
    loss = feed_forward(model, x, training=True).sum()
    assert is_on(model)
    gradients = get_gradient(loss, [x, *model.parameters()])
    assert all(gradient.is_contiguous() for gradient in gradients)
    (of_x,) = torch.autograd.grad(feed_forward(model, x, training=True).sum(), [x])
    assert of_x.is_contiguous()


def test_images_that_a_model_gives_are_contiguous():
    class Rows(TensorOp):
        def forward(self, data, state):
            return data.view(len(data), -1)

    batch = {"x": images()["x"], "y": np.ones((8, 288), np.float32)}
    model = built(Images, batch)
    ops = [ModelOp(model, "x", "found"), Rows("found", "rows"), MeanSquaredError(("rows", "y"), "mse")]
    network = fe.Network([*ops, UpdateOp(model, "mse")])
    network.load(TRAIN)(batch)
    assert is_on(model)
    assert network.transform(batch, "infer")["found"].is_contiguous()


def test_an_exported_program_does_not_know_of_it():
    model, _, _ = trained(Net, images())
    assert is_on(model)

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return feed_forward(self.model, x, training=False)

    example = torch.from_numpy(images()["x"])
    with torch.no_grad():
        code = torch.export.export(Around().eval(), (example,), strict=False).graph_module.code
    assert "conv2d" in code
    assert "memory_format" not in code
    assert "permute" not in code


# ---- models that stay as they are


def stays(make, batch=None, **options):
    """Check that a model is left alone, and learns exactly what it learns without any of this."""
    batch = images() if batch is None else batch
    plain, _, loss = trained(make, batch, channels_last=False)
    model, _, found = trained(make, batch, **options)
    assert model.fe.layout is None
    assert model.fe.is_plain
    assert found == loss
    same_weights(plain, model, rtol=0, atol=0)


class View(nn.Module):
    def forward(self, x):
        return x.view(len(x), -1)


class Own(nn.Module):
    def forward(self, x):
        return Squared.apply(x)


class Chance(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)


@pytest.mark.parametrize("between", [View, Own, Chance, lambda: nn.Dropout(0.5)])
def test_what_does_not_give_the_same_stays(between):
    stays(lambda: Net(between()))


def test_wide_layers_on_small_images_stay():
    stays(lambda: nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.Flatten(), nn.LazyLinear(2)), images(64, 8, 4))


@pytest.mark.parametrize(("first", "resumed", "wanted"), [(64, 1, True), (1, 64, False)])
def test_a_resumed_run_goes_on_as_the_first_one_decided(first, resumed, wanted):
    """By itself the trial would decide otherwise on the batch that comes after the stop."""

    def make():
        return nn.Sequential(nn.Conv2d(8, 64, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))

    one, network, _ = trained(make, images(8, first, 6), model_name="net")
    assert is_on(one) is wanted
    two, other, _ = trained(make, images(8, resumed, 6), steps=0, model_name="net")
    other.load_state_dict(network.state_dict())
    other.load(TRAIN)(images(8, resumed, 6))
    assert is_on(two) is wanted
    fresh, _, _ = trained(make, images(8, resumed, 6))
    assert is_on(fresh) is not wanted


def test_a_model_that_is_looked_into_stays():
    def make():
        net = Net()
        net.conv1.register_forward_hook(lambda module, inputs, output: None)
        return net

    stays(make)


def test_a_model_without_convolutions_is_not_tried():
    model = fe.build(nn.Linear(2, 1), "adam")
    assert model.fe.layout is None
    assert model.fe.is_plain


def test_dropout_of_whole_channels_and_behind_the_images_does_not_matter():
    head = lambda: nn.Sequential(nn.Dropout(0.5), nn.LazyLinear(2))
    for make in (lambda: Net(nn.Dropout2d(0.5)), lambda: Net(head=head())):
        plain, _, _ = trained(make, images(), channels_last=False)
        model, _, _ = trained(make, images())
        assert is_on(model)
        same_weights(plain, model, rtol=1e-4, atol=1e-5)


def test_a_way_that_the_trial_did_not_take():
    class Two(Net):
        def forward(self, x):
            if self.training:
                return super().forward(x)
            x = self.conv2(torch.relu(self.norm(self.conv1(x))))
            return self.fc(x.view(len(x), -1))

    batch = images()
    plain, other, _ = trained(Two, batch, channels_last=False)
    model, network, _ = trained(Two, batch)
    assert is_on(model)
    found, wanted = (to_number(one.load(EVAL)(batch)["pred"]) for one in (network, other))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert model.fe.layout is None
    same_weights(plain, model, rtol=1e-4, atol=1e-5)


def test_a_failure_of_the_model_itself_is_told_as_without():
    def calls(**options):
        count = [0]

        class Broken(Net):
            def forward(self, x):
                count[0] += 1
                if self.training:
                    raise ValueError("of its own")
                return super().forward(x)

        with pytest.raises(ValueError, match="of its own"):
            trained(Broken, images(), **options)
        return count[0]

    assert calls() == calls(channels_last=False)


# ---- asked for


def test_asked_for_it_does_without_the_trial():
    batch = images(64, 8, 4)
    make = lambda: nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.Flatten(), nn.LazyLinear(2))
    plain, _, _ = trained(make, batch, channels_last=False)
    model, _, _ = trained(make, batch, channels_last=True)
    assert is_on(model)
    same_weights(plain, model, rtol=1e-4, atol=1e-5)


def test_asked_for_a_view_is_an_error_that_says_what_to_do():
    with pytest.raises(RuntimeError, match="view size is not compatible") as caught:
        trained(lambda: Net(View()), images(), channels_last=True)
    if hasattr(caught.value, "add_note"):
        assert any("channels_last=False" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("option", [None, True])
def test_a_compiled_model_is_laid_out_only_if_asked(option):
    plain, _, _ = trained(Net, images(), channels_last=False)
    model, _, _ = trained(Net, images(), compile={"backend": "eager"}, channels_last=option)
    assert is_on(model) is (option is True)
    assert model.fe.compiled is not None
    same_weights(plain, model, rtol=1e-4, atol=1e-5)


def test_half_precision_runs_channels_last_too():
    model, _, _ = trained(Net, images(), mixed_precision="bf16")
    assert is_on(model)
    assert model.seen is True


def test_only_a_flag_or_none_is_taken():
    with pytest.raises(ConfigError, match=r"build\(channels_last\) must be True, False or None, got 'yes'"):
        fe.build(nn.Linear(2, 1), None, channels_last="yes")


def test_keras_has_a_setting_of_its_own():
    keras = pytest.importorskip("keras")
    make = lambda: keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ConfigError, match="is for torch modules"):
        fe.build(make, None, channels_last=True)
    assert fe.build(make, None, channels_last=False) is not None

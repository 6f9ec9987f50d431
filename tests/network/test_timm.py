"""Models of timm, as its users make them, in a network: no weights are fetched."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import save_model, to_number
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace.adapt import EMA, TrainableSchedule

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

NAMES = ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"]  # timm's own small ones
RNG = np.random.default_rng(0)
X = RNG.standard_normal((16, 3, 32, 32)).astype(np.float32)
Y = RNG.integers(0, 3, 16)


def make(name):
    sizes = {"img_size": 32} if "vit" in name else {}
    return lambda: timm.create_model(name, pretrained=False, num_classes=3, **sizes)


def ops_of(model, outputs="pred", layers=None, **update):
    first = outputs if isinstance(outputs, str) else outputs[0]
    return [
        ModelOp(model, "x", outputs, intermediate_layers=layers),
        CrossEntropy((first, "y"), "ce", from_logits=True),
        UpdateOp(model, "ce", **update),
    ]


def fit(ops, epochs=1, traces=None):
    data = fe.dataset.NumpyDataset({"x": X, "y": Y})
    network = fe.Network(ops)
    fe.Estimator(
        fe.Pipeline(train_data=data, batch_size=8, num_process=0), network, epochs, traces=traces, log_steps=None
    ).fit()
    return network


def copied(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def moved(model, begin):
    return {name for name, value in copied(model).items() if not torch.equal(value, begin[name])}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_learns_as_in_a_loop_by_hand(name):
    torch.manual_seed(0)
    ours = fe.build(make(name), lambda parameters: torch.optim.SGD(parameters, lr=0.1))
    theirs = make(name)()
    theirs.load_state_dict(ours.state_dict())
    step = fe.Network(ops_of(ours)).load(fe.component.When("train", 1, ""))
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for start in (0, 8):
        x, y = X[start : start + 8], Y[start : start + 8]
        step({"x": x, "y": y})
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(theirs.train()(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    for (key, one), two in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-3, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("by_trace", [True, False])
def test_a_frozen_backbone_stands_still(by_trace):
    model = fe.build(make("test_resnet"), "adam")
    begin = copied(model)
    if not by_trace:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("fc"))
    fit(ops_of(model), traces=TrainableSchedule(model, {1: "fc*"}) if by_trace else None)
    assert moved(model, begin) == {"fc.weight", "fc.bias"}


def test_inner_layers_and_a_model_of_features():
    model = fe.build(make("test_resnet"), "adam")
    network = fit(ops_of(model, ["pred", "map", "pooled"], ["layer4", "global_pool"]))
    found = network.transform({"x": X[:2]}, "infer")
    with torch.no_grad():
        expected = model.eval().forward_features(torch.from_numpy(X[:2]))
    np.testing.assert_allclose(to_number(found["map"]), expected.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_number(found["pooled"]), expected.mean((2, 3)).numpy(), rtol=1e-4, atol=1e-5)
    features = fe.build(lambda: timm.create_model("test_resnet", features_only=True, out_indices=(1, 2, 3)), "adam")
    begin = copied(features)
    fit(
        [
            ModelOp(features, "x", ["a", "b", "c"]),
            LambdaOp(lambda a, b, c: (a.mean() + b.mean() + c.mean() - 1) ** 2, ["a", "b", "c"], "loss"),
            UpdateOp(features, "loss"),
        ]
    )
    assert {name for name in begin if "conv" in name} <= moved(features, begin)


def test_groups_of_parameters_from_timm():
    module = make("test_vit")()
    groups = pytest.importorskip("timm.optim").param_groups_weight_decay(module, 0.5)
    model = fe.build(module, lambda _: torch.optim.AdamW(groups, lr=0.0))
    begin = copied(model)
    fit(ops_of(model))
    assert not moved(model, begin)  # the rate of both is 0
    model.fe.current_optimizer.param_groups[1]["lr"] = 1e-3  # the one with weight decay
    fit(ops_of(model))
    found = moved(model, begin)
    assert "head.weight" in found and not any(name.endswith("bias") or "norm" in name for name in found)


@pytest.mark.parametrize("options", [{"mixed_precision": "bf16"}, {"compile": {"backend": "eager"}}])
def test_half_precision_and_compiled(options):
    model = fe.build(make("test_vit"), "adam", **options)
    begin = copied(model)
    network = fit(ops_of(model, merge_grad=2, clip_norm=1.0), traces=EMA(model, 0.5))
    assert "head.weight" in moved(model, begin)
    found = network.transform({"x": X}, "infer")["pred"]
    assert found.dtype == torch.float32
    with torch.no_grad():
        np.testing.assert_allclose(found.numpy(), model(torch.from_numpy(X)).numpy(), rtol=0.05, atol=0.05)


def test_weights_are_saved_loaded_and_taken_by_timm(tmp_path):
    model = fe.build(make("test_efficientnet"), "adam", model_name="net")
    fit(ops_of(model))
    path = save_model(model, tmp_path, save_optimizer=True)
    again = fe.build(make("test_efficientnet"), "adam", weights_path=path, model_name="again")
    raw = make("test_efficientnet")()
    timm.models.load_checkpoint(raw, path)
    for other in (again, raw):
        for (key, one), two in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(one, two), key


def test_an_exported_file_gives_the_same(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = fe.Network(ModelOp(fe.build(make("test_resnet"), None), "x", "pred"))
    expected = network.transform({"x": X}, "infer")["pred"].numpy()
    program = torch.export.load(fe.export(network, tmp_path / "m.pt2", {"x": X[:2]}))
    np.testing.assert_allclose(
        program.module()(torch.from_numpy(X))[0].detach().numpy(), expected, rtol=1e-3, atol=1e-5
    )
    session = runtime.InferenceSession(str(fe.export(network, tmp_path / "m.onnx", {"x": X[:2]})))
    np.testing.assert_allclose(session.run(["pred"], {"x": X})[0], expected, rtol=1e-3, atol=1e-5)

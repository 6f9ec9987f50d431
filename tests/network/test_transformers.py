"""Models of Hugging Face's transformers, made from small configurations, in a network: nothing is fetched."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend import load_model, save_model
from fastestimator_lite.component import When
from fastestimator_lite.op.tensorop import LambdaOp
from fastestimator_lite.op.tensorop.loss import CrossEntropy
from fastestimator_lite.op.tensorop.model import ModelOp, UpdateOp
from fastestimator_lite.trace.adapt import EMA
from fastestimator_lite.util.errors import ConfigError

torch = pytest.importorskip("torch")
tr = pytest.importorskip("transformers")

RNG = np.random.default_rng(0)
IDS = RNG.integers(3, 50, (16, 8))
MASK = np.concatenate([np.ones((16, 5), np.int64), np.sort(RNG.integers(0, 2, (16, 3)))[:, ::-1]], 1)
TEXT = {"input_ids": IDS, "attention_mask": MASK}
CLASSES = IDS[:, 0] % 3
IMAGES = RNG.standard_normal((16, 3, 16, 16)).astype(np.float32)


def small(**more):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    return {**sizes, **more}


def bert(**more):
    return tr.BertForSequenceClassification(
        tr.BertConfig(**small(vocab_size=50, max_position_embeddings=16, num_labels=3), **more)
    )


def gpt2():
    sizes = {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16}
    return tr.GPT2LMHeadModel(tr.GPT2Config(**sizes, bos_token_id=1, eos_token_id=1))


def distil_bert():
    sizes = {"vocab_size": 50, "dim": 16, "hidden_dim": 32, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 16}
    return tr.DistilBertForSequenceClassification(tr.DistilBertConfig(**sizes, num_labels=3))


def vit():
    return tr.ViTForImageClassification(tr.ViTConfig(**small(image_size=16, patch_size=8, num_labels=3)))


def t5():
    sizes = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
    return tr.T5ForConditionalGeneration(tr.T5Config(**sizes, decoder_start_token_id=0))


def clip():
    text = small(vocab_size=50, max_position_embeddings=16, projection_dim=8, bos_token_id=1, eos_token_id=2)
    vision = small(image_size=16, patch_size=8, projection_dim=8)
    return tr.CLIPModel(tr.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))


def series():
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "d_model": 16}
    return tr.TimeSeriesTransformerForPrediction(
        tr.TimeSeriesTransformerConfig(
            **sizes, prediction_length=4, context_length=8, lags_sequence=[1, 2], num_time_features=1
        )
    )


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


SERIES = {
    "past_values": normal(16, 10),
    "past_time_features": normal(16, 10, 1),
    "past_observed_mask": np.ones((16, 10), np.float32),
    "future_values": normal(16, 4),
    "future_time_features": normal(16, 4, 1),
}
WITH_LOSS = [  # those that compute their own loss: a function that makes one, and its inputs
    (bert, {**TEXT, "labels": CLASSES}),
    (distil_bert, {**TEXT, "labels": CLASSES}),
    (gpt2, {**TEXT, "labels": IDS}),
    (vit, {"pixel_values": IMAGES, "labels": CLASSES}),
    (t5, {**TEXT, "labels": IDS[:, :5].copy()}),
    (series, SERIES),
]


@pytest.mark.parametrize("make, batch", WITH_LOSS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_model_with_a_loss_of_its_own_learns_as_in_a_loop_by_hand(make, batch):
    torch.manual_seed(0)
    ours = fe.build(make, lambda parameters: torch.optim.SGD(parameters, lr=0.5))
    theirs = make()
    theirs.load_state_dict(ours.state_dict())
    keys = list(batch)
    step = fe.Network([ModelOp(ours, keys, "loss", trainable=False), UpdateOp(ours, "loss")]).load(When("train", 1, ""))
    found = step(dict(batch))["loss"]
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5)
    loss = theirs.eval()(**{key: torch.as_tensor(value) for key, value in batch.items()}).loss
    loss.backward()
    optimizer.step()
    np.testing.assert_allclose(found.numpy(), loss.detach().numpy(), rtol=1e-5)
    for (key, one), two in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), rtol=1e-4, atol=1e-6, err_msg=key)


def test_inputs_and_outputs_go_by_name():
    model = fe.build(clip, "adam")
    batch = {"pixel_values": IMAGES, **TEXT}
    keys = ["attention_mask", "pixel_values", "input_ids"]
    found = fe.Network(ModelOp(model, keys, ["image_embeds", "logits_per_text"])).transform(batch, "infer")
    with torch.no_grad():
        expected = model.eval()(**{key: torch.as_tensor(value) for key, value in batch.items()})
    for key in ("image_embeds", "logits_per_text"):
        np.testing.assert_allclose(found[key].numpy(), expected[key].numpy(), rtol=1e-4, atol=1e-5)
    renamed = {"words": IDS, "kept": MASK}
    model = fe.build(gpt2, "adam")
    arguments = {"input_ids": "words", "attention_mask": "kept"}
    found = fe.Network(ModelOp(model, arguments, "pred")).transform(renamed, "infer")["pred"]
    with torch.no_grad():
        expected = model.eval()(torch.as_tensor(IDS), attention_mask=torch.as_tensor(MASK)).logits
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ConfigError, match="'kept' as 'past_key_values'.*which argument gets which key"):
        fe.Network(ModelOp(model, ["words", "kept"], "pred")).transform(renamed, "infer")


def test_a_run_with_labels_in_training_and_without_at_inference():
    torch.manual_seed(0)
    model = fe.build(bert, lambda parameters: torch.optim.Adam(parameters, lr=0.01))
    data = fe.dataset.NumpyDataset({**TEXT, "labels": CLASSES})
    network = fe.Network(
        [
            ModelOp(model, ["input_ids", "attention_mask", "labels"], ["loss", "logits"], mode="!infer"),
            ModelOp(model, ["input_ids", "attention_mask"], "logits", mode="infer"),
            UpdateOp(model, "loss", merge_grad=2, clip_norm=1.0),
        ]
    )
    pipeline = fe.Pipeline(train_data=data, eval_data=data, batch_size=8, num_process=0)
    summary = fe.Estimator(pipeline, network, epochs=8, traces=EMA(model, 0.5), log_steps=None).fit()
    losses = list(summary.history["eval"]["loss"].values())
    assert losses[-1] < losses[0]
    assert network.transform(dict(TEXT), "infer")["logits"].shape == (16, 3)


def test_dropout_is_at_work_in_training_alone():
    model = fe.build(lambda: bert(hidden_dropout_prob=0.5), None)
    network = fe.Network(ModelOp(model, ["input_ids", "attention_mask"], "logits"))
    for mode, same in (("train", False), ("eval", True), ("test", True), ("infer", True)):
        one, two = (network.transform(dict(TEXT), mode)["logits"] for _ in range(2))
        assert torch.equal(one, two) is same, mode


def test_inner_layers():
    model = fe.build(bert, None)
    op = ModelOp(
        model,
        ["input_ids", "attention_mask"],
        ["logits", "first", "pooled"],
        intermediate_layers=["bert.encoder.layer.0", "bert.pooler"],
    )
    found = fe.Network(op).transform(dict(TEXT), "infer")
    with torch.no_grad():
        inputs = {key: torch.as_tensor(value) for key, value in TEXT.items()}
        expected = model.eval().bert(**inputs, output_hidden_states=True)
    np.testing.assert_allclose(found["first"].numpy(), expected.hidden_states[1].numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["pooled"].numpy(), expected.pooler_output.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{"mixed_precision": "bf16"}, {"compile": {"backend": "eager"}}])
def test_half_precision_and_compiled(options):
    model = fe.build(bert, "adam", **options)
    before = model.classifier.weight.detach().clone()
    ops = [
        ModelOp(model, ["input_ids", "attention_mask"], "logits"),
        CrossEntropy(("logits", "labels"), "ce", from_logits=True),
        UpdateOp(model, "ce"),
    ]
    step = fe.Network(ops).load(When("train", 1, ""))
    assert step({**TEXT, "labels": CLASSES})["logits"].dtype == torch.float32
    assert not torch.equal(model.classifier.weight, before)


def test_tied_weights_learn_once_and_are_saved_and_loaded(tmp_path):
    model = fe.build(gpt2, "adam", model_name="gpt")
    ops = [ModelOp(model, {**{key: key for key in TEXT}, "labels": "y"}, "loss"), UpdateOp(model, "loss")]
    fe.Network(ops).load(When("train", 1, ""))({**TEXT, "y": IDS})
    assert model.lm_head.weight is model.transformer.wte.weight
    path = save_model(model, tmp_path, save_optimizer=True)
    again = fe.build(gpt2, "adam", model_name="again")
    load_model(again, path, load_optimizer=True)
    assert again.lm_head.weight is again.transformer.wte.weight
    model.save_pretrained(tmp_path / "theirs")
    theirs = fe.build(lambda: tr.GPT2LMHeadModel.from_pretrained(tmp_path / "theirs"), None, model_name="theirs")
    for other in (again, theirs):
        for (key, one), two in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(one, two), key


def test_what_a_model_returns_besides_tensors_can_be_worked_on():
    model = fe.build(lambda: bert(output_hidden_states=True), "adam")
    network = fe.Network(
        [
            ModelOp(model, ["input_ids", "attention_mask"], ["logits", "hidden_states"]),
            LambdaOp(lambda states: states[0].mean((1, 2)), "hidden_states", "mean"),
        ]
    )
    found = network.transform(dict(TEXT), "infer")["mean"]
    with torch.no_grad():
        expected = model.eval().bert.embeddings(torch.as_tensor(IDS)).mean((1, 2))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make, name", [(bert, "m.onnx"), (gpt2, "m.pt2")])
def test_an_exported_file_gives_the_same(tmp_path, make, name):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = fe.Network(ModelOp(fe.build(make, None), ["input_ids", "attention_mask"], "logits"))
    expected = network.transform(dict(TEXT), "infer")["logits"].numpy()
    path = fe.export(network, tmp_path / name, {key: value[:2] for key, value in TEXT.items()})
    if name.endswith("pt2"):
        program = torch.export.load(path)
        found = program.module()(*(torch.as_tensor(TEXT[key]) for key in sorted(TEXT)))[0].detach().numpy()
    else:
        found = runtime.InferenceSession(str(path)).run(["logits"], TEXT)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)

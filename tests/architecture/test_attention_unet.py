"""AttentionUNet has the weights of FastEstimator 1.7 and does the same with them."""

import numpy as np
import pytest

from fastestimator_lite import architecture

SIZES = [  # height, width, channels; how many weights FastEstimator 1.7 learns then, and holds
    (128, 128, 1, 35_215_245, 35_219_093),
    (16, 32, 2, 35_215_821, 35_219_669),
]


@pytest.mark.parametrize(("height", "width", "channels", "learned", "held"), SIZES)
def test_torch(number_of_weights, height, width, channels, learned, held):
    torch = pytest.importorskip("torch")
    model = architecture.pytorch.AttentionUNet((channels, height, width))
    assert number_of_weights(model) == (learned, held)
    with torch.no_grad():
        result = model(torch.rand(1, channels, height, width))
    assert result.shape == (1, 1, height, width)
    assert ((result > 0) & (result < 1)).all()


@pytest.mark.parametrize(("height", "width", "channels", "learned", "held"), SIZES)
def test_tensorflow(number_of_weights, height, width, channels, learned, held):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.AttentionUNet((height, width, channels))
    assert number_of_weights(model) == (learned, held)
    assert model.output_shape == (None, height, width, 1)


def test_torch_gives_the_numbers_of_1_7(answer):
    pytest.importorskip("torch")
    result = answer(architecture.pytorch.AttentionUNet((2, 16, 32)), 16, 32, 2)
    wanted = [0.479567, 0.043605, 0.445189, 0.461543, 0.495949, 0.543192, 0.549737]
    np.testing.assert_allclose(result, wanted, rtol=1e-4)


def test_tensorflow_gives_the_numbers_of_1_7(answer):
    pytest.importorskip("tensorflow")
    model = architecture.tensorflow.AttentionUNet((16, 32, 2))
    wanted = [0.565103, 0.066777, 0.587053, 0.614104, 0.620653, 0.588714, 0.610254]
    np.testing.assert_allclose(answer(model, 16, 32, 2), wanted, rtol=1e-4)
    assert [layer.rate for layer in model.layers if "dropout" in layer.name] == [0.5, 0.5]


def test_a_closed_gate_lets_nothing_through():
    torch = pytest.importorskip("torch")
    from fastestimator_lite.architecture.pytorch.attention_unet import AttentionBlock

    gate = AttentionBlock(4).eval()
    signal, skip = torch.rand(2, 4, 3, 3), torch.rand(2, 4, 3, 3)
    for weight, wanted in ((-100.0, torch.zeros_like(skip)), (0.0, skip / 2), (100.0, skip)):
        with torch.no_grad():
            gate.attn_layers[1].weight.zero_()
            gate.attn_layers[1].bias.fill_(weight)
            torch.testing.assert_close(gate(signal, skip), wanted)

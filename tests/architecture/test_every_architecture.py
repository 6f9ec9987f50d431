"""What all architectures share: they learn a small batch by heart, and Keras can store them."""

import numpy as np
import pytest

from fastestimator_lite import architecture

# small images; the constructor's arguments for PyTorch and for TensorFlow, learning rate, steps
CLASSIFIERS = {
    "LeNet": (((3, 18, 18), 2), ((18, 18, 3), 2), 3e-3, 10),
    "ResNet9": (((3, 16, 16), 2), ((16, 16, 3), 2), 3e-4, 5),
    "WideResidualNetwork": ((10, 2, 1), ((16, 16, 3), 10, 1, 0.0, 2), 1e-3, 10),
}
SEGMENTERS = {
    "UNet": (((1, 16, 16),), ((16, 16, 1),), 3e-4, 5),
    "AttentionUNet": (((1, 16, 16),), ((16, 16, 1),), 3e-4, 5),
}


def classified(size, rng):
    """Two dark and two bright images, with one-hot labels."""
    labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    images = rng.random((4, size, size, 3)) + 0.5 * labels[:, 1].reshape(4, 1, 1, 1)
    return images.astype(np.float32), labels


def segmented(size, rng):
    """Images of a bright square, which is the mask."""
    masks = np.zeros((4, size, size, 1), np.float32)
    masks[:, 4:12, 4:12] = 1
    return (0.8 * masks + 0.1 * rng.random(masks.shape)).astype(np.float32), masks


def torch_losses(make, images, targets, rate, steps):
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    model = make()
    images, targets = (
        torch.from_numpy(array.transpose(0, 3, 1, 2).copy() if array.ndim == 4 else array)
        for array in (images, targets)
    )
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        result = model(images)
        if type(model).__name__ == "WideResidualNetwork":
            result = torch.softmax(result, -1)
        loss = F.binary_cross_entropy(result, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def keras_losses(make, images, targets, rate, steps):
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = make()
    optimizer = keras.optimizers.Adam(rate)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(targets, model(images, training=True)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        yield float(loss)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *SEGMENTERS])
def test_learns_a_small_batch_by_heart(name, tensor_framework):
    for_torch, for_keras, rate, steps = {**CLASSIFIERS, **SEGMENTERS}[name]
    data = (classified if name in CLASSIFIERS else segmented)(18 if name == "LeNet" else 16, np.random.default_rng(0))
    if tensor_framework == "torch":
        losses = list(torch_losses(lambda: getattr(architecture.pytorch, name)(*for_torch), *data, rate, steps))
    else:
        losses = list(keras_losses(lambda: getattr(architecture.tensorflow, name)(*for_keras), *data, rate, steps))
    assert len(losses) == steps
    assert losses[-1] < 0.5 * losses[0], losses


@pytest.mark.parametrize("name", [*CLASSIFIERS, "AttentionUNet"])  # which has all that UNet has
def test_keras_makes_it_again_from_its_configuration(name):
    keras = pytest.importorskip("keras")
    arguments = {**CLASSIFIERS, **SEGMENTERS}[name][1]
    model = getattr(architecture.tensorflow, name)(*arguments)
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    images = np.random.default_rng(0).random((2, *arguments[0])).astype(np.float32)
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5)
    assert isinstance(again, keras.Model)


@pytest.mark.parametrize("name", ["LeNet", "WideResidualNetwork"])  # the others are large files of the same layers
def test_keras_stores_it(name, tmp_path):
    keras = pytest.importorskip("keras")
    arguments = CLASSIFIERS[name][1]
    model = getattr(architecture.tensorflow, name)(*arguments)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).random((2, *arguments[0])).astype(np.float32)
    np.testing.assert_allclose(again(images), model(images), rtol=1e-5)

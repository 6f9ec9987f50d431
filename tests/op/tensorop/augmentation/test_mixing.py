"""MixUpBatch and CutMixBatch: what is drawn, and that images and labels are mixed alike."""

import numpy as np
import pytest

import fastestimator_lite as fe
from fastestimator_lite.backend.convert import to_number, to_tensor
from fastestimator_lite.op.tensorop.augmentation import CutMixBatch, MixUpBatch
from fastestimator_lite.util.errors import ConfigError

KEYS = {"inputs": ["x", "y"], "outputs": ["x", "y"]}
STATE = {"mode": "train", "epoch": 1, "warmup": False, "tape": None, "deferred": {}}
LABELS = np.eye(4, dtype="float32")


def images(framework, height=16, width=12, dtype="float32"):
    """Image n is full of n."""
    shape = (3, height, width) if framework == "torch" else (height, width, 3)
    return np.stack([np.full(shape, number, dtype) for number in range(4)])


def run(framework, op, x, y=LABELS, times=300):
    fe.enable_deterministic(1)
    tensors = to_tensor([x, y], framework)
    for _ in range(times):
        yield [to_number(one) for one in op.forward(tensors, STATE)]


def test_mixup_mixes_images_and_labels_alike(tensor_framework):
    x = images(tensor_framework)
    for mixed, labels in run(tensor_framework, MixUpBatch(**KEYS), x, times=5):
        own = np.diag(labels)
        np.testing.assert_allclose(labels, own[:, None] * LABELS + (1 - own)[:, None] * np.roll(LABELS, 1, 0))
        numbers = np.arange(4)
        np.testing.assert_allclose(
            mixed,
            np.broadcast_to((own * numbers + (1 - own) * np.roll(numbers, 1))[:, None, None, None], x.shape),
            rtol=1e-5,
        )
        assert len(set(own)) == 4


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_of_mixup_follow_the_beta_distribution(tensor_framework, alpha):
    stats = pytest.importorskip("scipy.stats")
    x = np.zeros((4, 1), "float32")
    shares = np.concatenate([np.diag(y) for _, y in run(tensor_framework, MixUpBatch(**KEYS, alpha=alpha), x)])
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_a_shared_beta(tensor_framework):
    op = MixUpBatch(**KEYS, shared_beta=True)
    for _, labels in run(tensor_framework, op, images(tensor_framework), times=5):
        assert len(set(np.diag(labels))) == 1


def test_bytes_become_floats_in_mixup_and_stay_in_cutmix(tensor_framework):
    x, y = images(tensor_framework, dtype="uint8"), LABELS.astype("int64")
    (mixed, labels) = next(run(tensor_framework, MixUpBatch(**KEYS), x, y))
    assert mixed.dtype == labels.dtype == np.float32
    (mixed, labels) = next(run(tensor_framework, CutMixBatch(**KEYS), x, y))
    assert (mixed.dtype, labels.dtype) == (np.uint8, np.float32)


def test_cutmix_pastes_one_rectangle_and_mixes_labels_by_its_area(tensor_framework):
    shares = []
    for mixed, labels in run(tensor_framework, CutMixBatch(**KEYS), images(tensor_framework)):
        image = mixed[0, 0] if tensor_framework == "torch" else mixed[0, ..., 0]
        pasted = image == 3  # from the image before the first: the last
        assert set(np.unique(image)) <= {0, 3}
        rows, columns = np.nonzero(pasted)
        if len(rows):
            assert pasted.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        own = 1 - pasted.mean()
        np.testing.assert_allclose(labels, own * LABELS + (1 - own) * np.roll(LABELS, 1, 0), rtol=1e-5, atol=1e-6)
        for number in range(1, 4):
            np.testing.assert_array_equal(mixed[number] == number - 1, mixed[0] == 3)
        shares.append(own)
    assert 0.45 < min(shares) < 0.6
    assert abs(np.mean(shares) - 0.82) < 0.03  # of FastEstimator 1.7


def test_only_labels_that_can_be_mixed(tensor_framework):
    for op in (MixUpBatch(**KEYS), CutMixBatch(**KEYS)):
        with pytest.raises(ConfigError, match="'y' holds class indices .*Onehot"):
            op.check(to_tensor([images(tensor_framework), np.arange(4)], tensor_framework))
        op.check(to_tensor([images(tensor_framework), np.arange(4.0)], tensor_framework))


def test_what_is_refused():
    for kind in (MixUpBatch, CutMixBatch):
        with pytest.raises(ConfigError, match="two inputs and two outputs"):
            kind("x", "y")
        with pytest.raises(ConfigError, match="> 0, got 0"):
            kind(**KEYS, alpha=0)
        assert kind(**KEYS).mode == {"train"}

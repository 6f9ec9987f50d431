"""CutMixBatch: images with a patch of another image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.op.tensorop.augmentation.mixed import MixingOp, first_of_each, mix
from fastestimator_lite.types import Keys


class CutMixBatch(MixingOp):
    """Replace a rectangle of each image by that of the image before it, and mix the labels by area.

    One rectangle is drawn for the batch. Its middle is anywhere in the image, and it covers at most half of it.

    Args:
        inputs: Two keys: of the images, (B, C, H, W) in PyTorch and (B, H, W, C) in TensorFlow, any dtype; then of the
            labels, one-hot.
        outputs: Two keys: of the mixed images, same dtype; then of the mixed labels, float.
        mode, ds_id: When to run; see `Op`.
        alpha: Both parameters of the beta distribution that the share of an image which stays is drawn from, > 0.

    Raises:
        ConfigError: If there are not two inputs and two outputs, or `alpha` is not positive.

    Source: Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features";
        the larger of both shares stays, as in FastEstimator 1.7.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        mode: Keys = "train",
        ds_id: Keys = None,
        alpha: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id, alpha)

    def forward(self, data: Any, state: dict[str, Any]) -> list[Any]:
        images, labels = data
        framework = framework_of(images)
        like = first_of_each(images)[0]
        kept = framework.random_beta_like(like, self.alpha)
        side = framework.sqrt(1 - framework.maximum(kept, 1 - kept))
        rank = len(images.shape)
        rows, columns = (2, 3) if framework.CHANNEL_AXIS == 1 else (1, 2)
        shape = framework.shape(images)
        patch = self._inside(framework, like, side, shape, rows, rank) & self._inside(
            framework, like, side, shape, columns, rank
        )
        mixed = framework.where(patch, framework.roll(images, (1,), (0,)), images)
        share = 1 - framework.reduce_mean(framework.cast(patch, "float32"), None, False)
        return [mixed, mix(labels, share)]

    @staticmethod
    def _inside(framework: Any, like: Any, side: Any, shape: Sequence[Any], axis: int, rank: int) -> Any:
        """Whether each place of an axis lies in the rectangle, in a shape that broadcasts with images."""
        size = framework.cast(shape[axis], "float32") if framework.owns(shape[axis]) else float(shape[axis])
        middle = framework.random_uniform_like(like, 0.0, 1.0, "float32") * size
        low, high = (framework.round(middle + sign * side * size / 2) for sign in (-1, 1))
        places = framework.cast(framework.count(shape[axis], like), "float32")
        return framework.reshape((places >= low) & (places < high), [-1 if one == axis else 1 for one in range(rank)])

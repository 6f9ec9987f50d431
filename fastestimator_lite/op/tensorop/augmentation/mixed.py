"""MixingOp: what the ops have in common that mix each sample of a batch with its neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastestimator_lite.backend.framework import framework_of
from fastestimator_lite.op.tensorop.tensorop import TensorOp
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError


class MixingOp(TensorOp):
    """Mix each sample of a batch with the one before it, the first with the last.

    Random numbers come from torch's generator of the device, or from TensorFlow's global generator.

    Args:
        inputs: Two keys: of the images, then of the labels.
        outputs: Two keys: of the mixed images, then of the mixed labels.
        mode, ds_id: When to run; see `Op`.
        alpha: Both parameters of the beta distribution that shares are drawn from, > 0.

    Raises:
        ConfigError: If there are not two inputs and two outputs, or `alpha` is not positive.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        mode: Keys = "train",
        ds_id: Keys = None,
        alpha: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if len(self.inputs) != 2 or len(self.outputs) != 2:
            raise ConfigError(
                f"{type(self).__name__} needs two inputs and two outputs, images and labels, got inputs {self.inputs} "
                f"and outputs {self.outputs}"
            )
        if not alpha > 0:
            raise ConfigError(f"{type(self).__name__}(alpha) must be > 0, got {alpha!r}")
        self.alpha = alpha

    def check(self, data: Any) -> None:
        labels = data[1]
        framework = framework_of(labels)
        if "float" not in framework.dtype_name(labels) and len(labels.shape) == 1:
            raise ConfigError(
                f"{type(self).__name__}: key {self.inputs[1]!r} holds class indices ({framework.dtype_name(labels)} of "
                f"shape {tuple(labels.shape)}), which cannot be mixed; add Onehot to the Pipeline"
            )


def mix(tensor: Any, share: Any) -> Any:
    """Each row times its share, plus the row before it times what is left.

    Args:
        tensor: Shape (B, ...).
        share: In [0, 1], shape (B,) or ().

    Returns:
        Same shape, float.
    """
    framework = framework_of(tensor)
    if "float" not in framework.dtype_name(tensor):
        tensor = framework.cast(tensor, "float32")
    share = framework.cast(share, framework.dtype_name(tensor))
    if len(share.shape):
        share = framework.reshape(share, [-1] + [1] * (len(tensor.shape) - 1))
    return share * tensor + (1 - share) * framework.roll(tensor, (1,), (0,))


def first_of_each(tensor: Any) -> Any:
    """One element of each row, shape (B,): as many as there are samples, whatever is known of their number."""
    framework = framework_of(tensor)
    return framework.reshape(tensor, [framework.shape(tensor)[0], -1])[:, 0]

"""TensorOp: a step of work on a batch of tensors on the device, and the ops every network may need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastestimator_lite.op.op import Op
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError, DataError, NonFiniteError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


class TensorOp(Op):
    """A step of work on a batch of tensors.

    A subclass writes `forward` over `fastestimator_lite.backend`, so that it works in both frameworks.

    Args:
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `Op`.
    """

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        """Work on one batch.

        Args:
            data: The tensor of a single string input, or a list of tensors, each with a leading batch axis.
            state: "mode", "epoch" and "warmup" of the moment, "tape" (the `tf.GradientTape`, None in torch) and
                "deferred" (model updates that wait for the end of the step, by model name).

        Returns:
            One tensor for a string output, a sequence for a list.
        """
        return data

    def build(self, framework: str, device: Any = None) -> None:
        """Get ready for a framework; called once by the Network before the first batch.

        Args:
            framework: "torch" or "tf".
            device: The torch device that batches will be on; None in TensorFlow.
        """

    def get_fe_models(self) -> set[Model]:
        """The models that the op runs or trains."""
        return set()

    def get_fe_loss_keys(self) -> set[str]:
        """The keys of the losses that the op minimizes."""
        return set()

    def fe_retain_graph(self, retain: bool | None = None) -> bool | None:
        """Whether taking a gradient in this op keeps the graph for a later one.

        Args:
            retain: The new setting; None only asks.

        Returns:
            The setting, or None for an op that takes no gradients.
        """
        return None

    def parts(self) -> list[TensorOp]:
        """The op, or the ops that it runs inside."""
        return [self]

    def check(self, data: Any) -> None:
        """Look for input that cannot work, at leisure: once before training starts, and again when `forward` failed.

        Args:
            data: As for `forward`.

        Raises:
            ConfigError: If the input does not fit the op.
            DataError: If it holds a value that cannot be.
        """

    def explain(self, err: Exception, data: Any) -> None:
        """Say what was wrong when `forward` failed, if the op knows better than the error; called before it is raised.

        Args:
            err: What `forward` raised.
            data: What it was given.

        Raises:
            ConfigError: If the input does not fit the op.
            DataError: If it holds a value that cannot be.
        """
        self.check(data)

    def state_dict(self) -> dict[str, Any]:
        """What the op keeps between steps and a resumed run needs."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""


def explained(err: Exception, op: Any, data: Any) -> Exception:
    """What an op has to say to an error of its own, or that error."""
    if not isinstance(err, (ConfigError, DataError, NonFiniteError)):
        try:
            op.explain(err, data)
        except (ConfigError, DataError) as better:
            return better
        except Exception:  # noqa: BLE001 - the first error is the one to tell
            return err
    return err


class LambdaOp(TensorOp):
    """Run a function as an op.

    Args:
        fn: Takes the tensor of each input as an argument of its own and returns one tensor for each output.
        inputs, outputs, mode, ds_id: Keys in, keys out, and when to run; see `Op`.
    """

    def __init__(
        self, fn: Callable[..., Any], inputs: Keys = None, outputs: Keys = None, mode: Keys = None, ds_id: Keys = None
    ) -> None:
        super().__init__(inputs, outputs, mode, ds_id)
        if not callable(fn):
            raise ConfigError(f"LambdaOp(fn) must be a function, got {fn!r}")
        self.fn = fn

    def forward(self, data: Any, state: dict[str, Any]) -> Any:
        if not self.inputs:
            return self.fn()
        return self.fn(*data) if self.in_list else self.fn(data)


class Delete(TensorOp):
    """Forget keys, so that their memory is free for the rest of the step.

    Args:
        keys: Key or keys to delete.
        mode, ds_id: When to run; see `Op`.
    """

    def __init__(self, keys: str | Sequence[str], mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(inputs=keys, mode=mode, ds_id=ds_id)

    @property
    def deletes(self) -> list[str]:
        return self.inputs

    def forward(self, data: Any, state: dict[str, Any]) -> None:
        return None

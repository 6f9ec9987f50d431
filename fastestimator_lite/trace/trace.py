"""Trace: what happens around the steps of a run, at hooks.

::

    on_begin
    |
    +--> for each epoch, for each mode with data ("train", then "eval")
    |      on_epoch_begin
    |      |
    |      +--> for each data set of the mode
    |      |      on_ds_begin                    (PerDSTrace)
    |      |      +--> for each batch
    |      |      |      on_batch_begin
    |      |      |      (the network's step)
    |      |      |      on_batch_end
    |      |      on_ds_end                      (PerDSTrace)
    |      on_epoch_end
    |
    on_end                                       (on_exception, if an error ends the run)
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fastestimator_lite.component import Component
from fastestimator_lite.types import Keys
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.schedule.curve import Horizon
    from fastestimator_lite.summary.system import System
    from fastestimator_lite.util.data import Data


class Stage(enum.IntEnum):
    """Where a trace stands among the others, whatever its keys."""

    FIRST = 0
    NORMAL = 1
    LAST = 2


class Trace(Component):
    """Something that happens at hooks of a run. A subclass writes the hooks it needs; the others cost nothing.

    Args:
        inputs: Key or keys that it reads; "*" for everything.
        outputs: Key or keys that it writes.
        mode, ds_id: When to run; see `Op`.

    Attributes:
        system: The state of the run, set before on_begin.
        stage: Whether it runs before or after all others.
    """

    stage: Stage = Stage.NORMAL
    system: System

    def __init__(self, inputs: Keys = None, outputs: Keys = None, mode: Keys = None, ds_id: Keys = None) -> None:
        super().__init__(inputs, outputs, mode, ds_id)

    def on_begin(self, data: Data) -> None:
        """Runs once, before the first epoch.

        Args:
            data: Empty; what is written with log is printed in the start line.
        """

    def on_epoch_begin(self, data: Data) -> None:
        """Runs before each epoch of a mode that the trace runs in.

        Args:
            data: Empty.
        """

    def on_batch_begin(self, data: Data) -> None:
        """Runs before the network sees a batch.

        Args:
            data: The batch.
        """

    def on_batch_end(self, data: Data) -> None:
        """Runs after the network worked on a batch.

        Args:
            data: The batch, the network's outputs and what earlier traces wrote.
        """

    def on_epoch_end(self, data: Data) -> None:
        """Runs after each epoch of a mode that the trace runs in.

        Args:
            data: What earlier traces wrote in this hook.
        """

    def on_end(self, data: Data) -> None:
        """Runs once, after the last epoch.

        Args:
            data: What earlier traces wrote in this hook.
        """

    def on_exception(self, data: Data, error: BaseException) -> None:
        """Runs once in place of on_end when an error ends the run; it does what on_end does unless overridden.

        Args:
            data: What earlier traces wrote in this hook.
            error: The error, which is raised again afterwards.
        """
        self.on_end(data)

    def needs_step(self, step: int) -> bool:
        """Whether on_batch_begin and on_batch_end must be called around a training step.

        Where no trace needs the steps that come next, TensorFlow may run several of them in one call, and none of their
        batch hooks is called. It is asked ahead of time, of traces that have such a hook.

        Args:
            step: Step of the run, from 1.

        Returns:
            True, unless overridden.
        """
        return True

    def get_outputs(self, ds_ids: Iterable[str]) -> list[str]:
        """The keys it writes when the run has these data sets.

        Args:
            ds_ids: Data set ids of the run.
        """
        return list(self.outputs)

    def check(self) -> None:
        """Called once before training starts, to find out early what cannot work.

        Raises:
            ConfigError: If something cannot.
        """

    def planned(self, epoch: int, horizon: Horizon | None) -> dict[str, tuple[Any, Any]]:
        """The numbers that it will set in a training epoch, for `Estimator.timeline`; asking changes nothing.

        Args:
            epoch: Epoch, from 1.
            horizon: How long the run is, in training steps (batches); it has no steps if some data has no known length.

        Returns:
            For each number that is known beforehand, by name such as "model_lr": its value in force at the first and at
            the last step of the epoch.
        """
        return {}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs of this trace; plain values, lists, dictionaries and arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        if state:
            raise ConfigError(f"{type(self).__name__} does not know how to load a state with {sorted(state)}")

    def fe_summary(self) -> list[str]:
        """One line for each part, for reports."""
        return [f"{type(self).__name__}: reads {self.inputs}, writes {self.outputs}"]


class PerDSTrace(Trace):
    """A Trace with hooks around each data set of an epoch."""

    def on_ds_begin(self, data: Data) -> None:
        """Runs before the first batch of a data set.

        Args:
            data: Empty.
        """

    def on_ds_end(self, data: Data) -> None:
        """Runs after the last batch of a data set.

        Args:
            data: What earlier traces wrote in this hook.
        """


class Freq:
    """How often something happens: every so many epochs, steps, or never.

    Args:
        is_step: Whether it counts steps, not epochs.
        freq: Every so many; 0 for never.
    """

    def __init__(self, is_step: bool, freq: int) -> None:
        self.is_step, self.freq = is_step, freq


def parse_freq(freq: None | str | int, name: str = "frequency") -> Freq:
    """Read a frequency.

    Args:
        freq: None for never, an int or "<n>s" for every n steps, "<n>e" or "epoch" for every n epochs (or each one),
            "step" for every step.
        name: Name of the argument, for messages.

    Raises:
        ConfigError: If it is none of these, or not positive.
    """
    if freq is None:
        return Freq(False, 0)
    words = {"epoch": Freq(False, 1), "step": Freq(True, 1)}
    if isinstance(freq, str) and freq in words:
        return words[freq]
    digits = str(freq)[:-1] if isinstance(freq, str) and freq[-1:] in ("s", "e") else str(freq)
    if isinstance(freq, bool) or not isinstance(freq, (int, str)) or not digits.isdigit() or int(digits) < 1:
        raise ConfigError(
            f"{name} must be a number of steps such as 100 or '100s', of epochs such as '2e', 'epoch' or 'step', got "
            f"{freq!r}"
        )
    return Freq(not str(freq).endswith("e"), int(digits))

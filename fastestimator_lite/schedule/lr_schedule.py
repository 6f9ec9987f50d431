"""Learning rates as functions of time, and ARC, which reads the losses instead."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastestimator_lite.backend.convert import to_number
from fastestimator_lite.util.download import download, file_name
from fastestimator_lite.util.errors import ConfigError, suggest

POLICY_VARIABLE = "FASTESTIMATOR_LITE_ARC"
_VARIANTS = ("r1.7", "r1.0")
_WINDOWS = 3
_LEAST = ("points", "lstm0_kernel", "lstm0_recurrent", "lstm0_bias", "dense_kernel", "dense_bias")
_MULTIPLIERS = (1.618, 1.0, 0.618)


def cosine_decay(
    time: int,
    cycle_length: int,
    init_lr: float,
    min_lr: float = 1e-6,
    start: int = 1,
    cycle_multiplier: int = 1,
    warmup: bool = False,
    variant: str = "r1.7",
) -> float:
    """Cosine decay with restarts.

    Args:
        time: Step or epoch, counted from 1.
        cycle_length: Length of the first cycle, in the unit of `time`, >= 1.
        init_lr: Learning rate that a cycle comes down from; its first value is already below.
        min_lr: Learning rate at the last step of a cycle.
        start: The time at which decay begins; before it the rate is `init_lr`.
        cycle_multiplier: How much longer each cycle is than the one before, >= 1.
        warmup: Whether the rate rises linearly from 0 before `start`.
        variant: "r1.7" counts the position in a cycle from 1; "r1.0" from 0, so that a cycle begins at `init_lr` and
            its last value is above `min_lr`.

    Returns:
        The learning rate at `time`.

    Raises:
        ConfigError: If `cycle_length` or `cycle_multiplier` is below 1, or `variant` is unknown.

    Source: Loshchilov and Hutter 2017, "SGDR", eq. 5, with the position in a cycle as in FastEstimator 1.7 or 1.0.
    """
    if variant not in _VARIANTS:
        raise ConfigError(
            f"cosine_decay: variant must be {' or '.join(map(repr, _VARIANTS))}, got {variant!r}."
            f"{suggest(variant, _VARIANTS)}"
        )
    _check_cycles("cosine_decay", cycle_length, cycle_multiplier)
    if time < start:
        return init_lr * time / start if warmup else init_lr
    position, length = _in_cycle(time - start, cycle_length, cycle_multiplier)
    share = (position + (variant == "r1.7")) / length
    return (init_lr - min_lr) / 2 * math.cos(math.pi * share) + (init_lr + min_lr) / 2


def linear_decay(
    time: int,
    cycle_length: int,
    init_lr: float,
    min_lr: float = 1e-6,
    start: int = 1,
    cycle_multiplier: int = 1,
    warmup: bool = False,
) -> float:
    """Linear decay with restarts.

    Args:
        time: Step or epoch, counted from 1.
        cycle_length: Length of the first cycle, in the unit of `time`, >= 1.
        init_lr: Learning rate that a cycle comes down from; its first value is already below.
        min_lr: Learning rate at the last step of a cycle.
        start: The time at which decay begins; before it the rate is `init_lr`.
        cycle_multiplier: How much longer each cycle is than the one before, >= 1.
        warmup: Whether the rate rises linearly from 0 before `start`.

    Returns:
        The learning rate at `time`.

    Raises:
        ConfigError: If `cycle_length` or `cycle_multiplier` is below 1.
    """
    _check_cycles("linear_decay", cycle_length, cycle_multiplier)
    if time < start:
        return init_lr * time / start if warmup else init_lr
    position, length = _in_cycle(time - start, cycle_length, cycle_multiplier)
    return init_lr + (min_lr - init_lr) * (position + 1) / length


def _check_cycles(name: str, cycle_length: int, cycle_multiplier: int) -> None:
    if cycle_length < 1:
        raise ConfigError(f"{name}: cycle_length must be >= 1, got {cycle_length}")
    if cycle_multiplier < 1:
        raise ConfigError(f"{name}: cycle_multiplier must be >= 1, got {cycle_multiplier}")


def _in_cycle(passed: int, length: int, multiplier: int) -> tuple[int, int]:
    """Where in its cycle a time stands, from 0, and how long that cycle is."""
    if multiplier == 1:
        return passed % length, length
    while passed >= length:
        passed -= length
        length *= multiplier
    return passed, length


class ARC:
    """A learned policy for the learning rate: every few epochs it is multiplied by 1.618, 1 or 0.618.

    Give it to `LRScheduler(model, lr_fn=ARC())`. It works beside a schedule and multiplies what that sets. The policy
    is a stacked LSTM over the last three windows of train loss, eval loss and learning rate. Its weights are not part
    of this package, and no address is built in: the environment variable ``FASTESTIMATOR_LITE_ARC`` names an ".npz"
    file or an http(s) address of one, which is downloaded once. The file holds

    - "points": how many points each window of a series is resampled to;
    - "lstm<n>_kernel" (inputs, 4 * units), "lstm<n>_recurrent" (units, 4 * units), "lstm<n>_bias" (4 * units) for n =
      0, 1, ..., gates in the order input, forget, cell, output;
    - "dense_kernel" (units, 3) and "dense_bias" (3): scores of raising, keeping and lowering.

    The first LSTM sees, at each of 3 * points times, the train loss and the eval loss, both as a share of their range,
    and the learning rate over its first value; windows that have not been yet are 0.

    Args:
        frequency: Epochs of a window, after each of which it decides, >= 1.

    Raises:
        ConfigError: If `frequency` is below 1.

    Source: Dong et al. 2021, "To Raise or Not To Raise: The Autonomous Learning Rate Question".
    """

    def __init__(self, frequency: int = 3) -> None:
        if isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1:
            raise ConfigError(f"ARC(frequency) must be an int >= 1, got {frequency!r}")
        self.frequency = frequency
        self._now: dict[str, list[Any]] = {"train": [], "eval": [], "lr": []}
        self._windows: dict[str, list[list[float]]] = {"train": [], "eval": [], "lr": []}
        self._policy: Callable[[np.ndarray], np.ndarray] | None = None
        self._points = 0

    def lstm_stacked(self) -> Callable[[np.ndarray], np.ndarray]:
        """The policy: from features, shape (times, 3), to the probabilities of raising, keeping and lowering.

        Raises:
            ConfigError: If nobody said where its weights are, or the file is not one of them.
            DownloadError: If they cannot be had.
        """
        if self._policy is None:
            weights = _weights_of_policy()
            self._points = int(weights["points"])
            self._policy = _stacked(weights)
        return self._policy

    def accumulate_single_train_loss(self, train_loss: Any) -> None:
        """Take the train loss of a step."""
        self._now["train"].append(train_loss)

    def accumulate_single_eval_loss(self, eval_loss: Any) -> None:
        """Take the eval loss of an epoch."""
        self._now["eval"].append(eval_loss)

    def accumulate_all_lrs(self, lr: float) -> None:
        """Take the learning rate of a step."""
        self._now["lr"].append(lr)

    def gather_multiple_train_losses(self) -> None:
        """End a window of train losses, and of learning rates."""
        self._gather("train")
        self._gather("lr")

    def gather_multiple_eval_losses(self) -> None:
        """End a window of eval losses."""
        self._gather("eval")

    def _gather(self, series: str) -> None:
        numbers = [float(np.mean(to_number(value))) for value in self._now[series]]
        self._now[series] = []
        self._windows[series] = [*self._windows[series], numbers][-_WINDOWS:]

    def predict_next_multiplier(self) -> float:
        """What the learning rate should be multiplied by: 1.618, 1 or 0.618."""
        policy = self.lstm_stacked()
        return _MULTIPLIERS[int(np.argmax(policy(self._features())))]

    def _features(self) -> np.ndarray:
        """The windows as the policy sees them, shape (3 * points, 3)."""
        columns = []
        for series in ("train", "eval", "lr"):
            windows = [_resampled(window, self._points) for window in self._windows[series] if window]
            known = np.concatenate(windows) if windows else np.zeros(0)
            if series == "lr":
                known = known / max(known[0], 1e-12) if known.size else known
            elif known.size:
                known = (known - known.min()) / max(known.max() - known.min(), 1e-12)
            columns.append(np.concatenate([np.zeros(_WINDOWS * self._points - known.size), known]))
        return np.stack(columns, axis=1)

    def state_dict(self) -> dict[str, Any]:
        """The windows so far, for a run that is resumed."""
        now = {series: [float(np.mean(to_number(value))) for value in values] for series, values in self._now.items()}
        windows = {series: [list(one) for one in several] for series, several in self._windows.items()}
        return {"now": now, "windows": windows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._now = {series: list(values) for series, values in state["now"].items()}
        self._windows = {series: [list(one) for one in windows] for series, windows in state["windows"].items()}

    def fe_summary(self) -> list[str]:
        """One line for reports."""
        return [f"ARC: decides every {self.frequency} epochs"]


def _weights_of_policy() -> dict[str, np.ndarray]:
    place = os.environ.get(POLICY_VARIABLE, "")
    if not place:
        raise ConfigError(
            f"ARC needs the weights of its policy, which are not part of this package; set the "
            f"environment variable {POLICY_VARIABLE} to their file or "
            f"address (see ARC), or use a schedule or ReduceLROnPlateau"
        )
    path = Path(place)
    if "://" in place:
        path = download(place, Path.home() / "fastestimator_data" / "ARC" / file_name(place))
    try:
        with np.load(path) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError) as err:
        raise ConfigError(f"{POLICY_VARIABLE}={place!r} is not the .npz file that ARC needs: {err}") from err
    missing = [name for name in _LEAST if name not in weights]
    if missing:
        raise ConfigError(
            f"{POLICY_VARIABLE}={place!r} does not hold {', '.join(missing)}, which ARC needs; it holds "
            f"{', '.join(weights) or 'nothing'}"
        )
    return weights


def _stacked(weights: dict[str, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    layers: list[tuple[np.ndarray, ...]] = []
    while f"lstm{len(layers)}_kernel" in weights:
        layers.append(tuple(weights[f"lstm{len(layers)}_{part}"] for part in ("kernel", "recurrent", "bias")))

    def run(features: np.ndarray) -> np.ndarray:
        outputs = features
        for kernel, recurrent, bias in layers:
            outputs = _lstm(outputs, kernel, recurrent, bias)
        scores = outputs[-1] @ weights["dense_kernel"] + weights["dense_bias"]
        shifted = np.exp(scores - scores.max())
        return shifted / shifted.sum()

    return run


def _lstm(inputs: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The outputs of an LSTM, shape (times, units).

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """
    units = recurrent.shape[0]
    output, cell = np.zeros(units), np.zeros(units)
    outputs = []
    for projected in inputs @ kernel + bias:
        gates = projected + output @ recurrent
        enter, forget, leave = (1 / (1 + np.exp(-gates[place * units : (place + 1) * units])) for place in (0, 1, 3))
        cell = forget * cell + enter * np.tanh(gates[2 * units : 3 * units])
        output = leave * np.tanh(cell)
        outputs.append(output)
    return np.stack(outputs)


def _resampled(values: list[float], points: int) -> np.ndarray:
    """Numbers at even distances along straight lines between those given."""
    return np.interp(np.linspace(0, len(values) - 1, points), np.arange(len(values)), values)

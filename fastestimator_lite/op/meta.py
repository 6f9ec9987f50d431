"""What the ops that run other ops check, on samples and on batches alike."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from fastestimator_lite.op.op import Op
from fastestimator_lite.util.errors import ConfigError


def check_moments(ops: Sequence[Op], name: str) -> None:
    """Check that there are ops and that they run at the same moments.

    Raises:
        ConfigError: If there is none, or they differ in `mode` or `ds_id`.
    """
    if not ops:
        raise ConfigError(f"{name} needs at least one op")
    for op in ops:
        for word in ("mode", "ds_id"):
            if getattr(op, word) != getattr(ops[0], word):
                raise ConfigError(
                    f"{name}: all ops must have the same {word}, got {sorted(getattr(ops[0], word))} for "
                    f"{type(ops[0]).__name__} and {sorted(getattr(op, word))} for {type(op).__name__}"
                )


def fused_keys(ops: Sequence[Op]) -> tuple[list[str], list[str]]:
    """The keys that ops, one after the other, read and did not write before, and those that they leave behind."""
    inputs: list[str] = []
    made: list[str] = []
    outputs: list[str] = []
    for op in ops:
        inputs += [key for key in op.inputs if key not in inputs and key not in made]
        made += op.outputs
        outputs += [key for key in op.outputs if key not in outputs]
        outputs = [key for key in outputs if key not in op.deletes]
    return inputs, outputs


def check_alternatives(ops: Sequence[Op], probs: Sequence[float] | None) -> list[float]:
    """Check ops of which one is drawn.

    Args:
        ops: The ops.
        probs: Probability of each; None for all the same.

    Returns:
        For each op but the last, the probability that it or one before it is drawn.

    Raises:
        ConfigError: If the ops differ in keys, or `probs` is not one probability for each, 1 together.
    """
    first = ops[0]
    for op in ops:
        if op.inputs != first.inputs or op.outputs != first.outputs:
            raise ConfigError(
                f"OneOf: all ops must have the same inputs and outputs, got {first.inputs} -> "
                f"{first.outputs} for {type(first).__name__} and {op.inputs} -> {op.outputs} for "
                f"{type(op).__name__}"
            )
    if probs is not None and len(probs) != len(ops):
        raise ConfigError(f"OneOf: probs must be one probability for each op, got {len(probs)} for {len(ops)} ops")
    if probs is not None and (min(probs) < 0 or not math.isclose(sum(probs), 1, abs_tol=1e-6)):
        raise ConfigError(f"OneOf: probs must be in [0, 1] and sum to 1, got {list(probs)} with sum {sum(probs)}")
    return list(accumulate(probs or [1 / len(ops)] * len(ops)))[:-1]


def check_prob(prob: float) -> float:
    """The probability, if it is one.

    Raises:
        ConfigError: If it is none.
    """
    if not 0 <= prob <= 1:
        raise ConfigError(f"Sometimes(prob) must be in [0, 1], got {prob!r}")
    return prob


def check_repeat(repeat: int | Callable[..., Any], max_iter: int | None) -> list[str]:
    """Check how often an op is to run.

    Args:
        repeat: How many times, or a function of keys.
        max_iter: With a function, how many times at most; None for no limit.

    Returns:
        The parameters of the function.

    Raises:
        ConfigError: If `repeat` is neither an int >= 1 nor a function, or `max_iter` is below 1 or given together with
            an int.
    """
    if isinstance(repeat, int):
        if repeat < 1:
            raise ConfigError(f"Repeat(repeat) must be >= 1, got {repeat}")
        if max_iter is not None:
            raise ConfigError(f"Repeat(max_iter={max_iter}) is for a function as repeat, got repeat={repeat}")
    elif not callable(repeat):
        raise ConfigError(f"Repeat(repeat) must be an int >= 1 or a function, got {repeat!r}")
    if max_iter is not None and max_iter < 1:
        raise ConfigError(f"Repeat(max_iter) must be >= 1 or None, got {max_iter}")
    return list(inspect.signature(repeat).parameters) if callable(repeat) else []

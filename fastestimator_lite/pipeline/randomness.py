"""Randomness as a function, not a state.

What a sample looks like depends on (run seed, mode, data set, epoch, number of the draw, op), and on nothing else: not on
the number of workers, on what was drawn before, or on where a run was resumed.

Source: counter-based generators, Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"; the 64-bit mixer is
SplitMix64, Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators".
"""

from __future__ import annotations

import hashlib

import numpy as np

_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15
ORDER, REPLACEMENT, READ = -1, -2, -3  # slots beside those of the ops, which count from 0


class Stream:
    """The random numbers of one epoch of one data set.

    Args:
        seed: Run seed, any int.
        mode: "train", "eval", "test" or "infer".
        ds_id: Data set id.
        epoch: Epoch, from 1.
    """

    def __init__(self, seed: int, mode: str, ds_id: str, epoch: int) -> None:
        text = f"fastestimator_lite 1|{seed}|{mode}|{ds_id}|{epoch}"
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self._low, self._high = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")

    def seed(self, draw: int, slot: int) -> int:
        """A seed in [0, 2**64) for one draw and one op.

        Args:
            draw: Number of the draw in the epoch, from 0.
            slot: Position of the op in the Pipeline's list, or one of the constants of this module.
        """
        return _mix(_mix(self._low + draw * _GOLDEN & _MASK) ^ (self._high + slot * _GOLDEN & _MASK))

    def order(self, round_: int, length: int) -> np.ndarray:
        """The order in which a data set is gone through.

        Args:
            round_: How many times it has been gone through before.
            length: Samples in the data set.

        Returns:
            A permutation of 0..length-1, int64.
        """
        return np.random.Generator(np.random.Philox(self.seed(round_, ORDER))).permutation(length)


def _mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31

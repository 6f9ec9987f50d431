"""RUA: random augmentation whose strength is one number."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastestimator_lite.op.numpyop.meta.nested import NestedOp
from fastestimator_lite.op.numpyop.numpyop import Batch, NumpyOp
from fastestimator_lite.op.numpyop.univariate.autocontrast import AutoContrast
from fastestimator_lite.op.numpyop.univariate.brightness import Brightness
from fastestimator_lite.op.numpyop.univariate.color import Color
from fastestimator_lite.op.numpyop.univariate.contrast import Contrast
from fastestimator_lite.op.numpyop.univariate.picture import GRAY_AND_COLOR, DrawnPictureOp, PictureOp, check_image
from fastestimator_lite.op.numpyop.univariate.sharpness import Sharpness
from fastestimator_lite.op.numpyop.univariate.shear_x import ShearX
from fastestimator_lite.op.numpyop.univariate.shear_y import ShearY
from fastestimator_lite.op.numpyop.univariate.translate_x import TranslateX
from fastestimator_lite.op.numpyop.univariate.translate_y import TranslateY
from fastestimator_lite.types import FilteredData, Keys
from fastestimator_lite.util.errors import ConfigError, suggest
from fastestimator_lite.util.names import parse_modes, to_list, to_set

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_LEVEL = 30
MAX_NUM_OPS = 5
NUM_BITS = 8


class RUA(NestedOp):
    """Change images by ops drawn at random, as many and as strong as one number says.

    At level L a sample goes through 1 + 4 * L / 30 ops, each drawn anew from all of them with the same chance; where
    that is no whole number, one more op runs with the probability that is left. Each op then draws how strongly it
    works, from ranges that grow with L.

    Args:
        inputs: Key or keys of uint8 images of shape (H, W), (H, W, 1) or (H, W, 3).
        outputs: Key or keys to write, as many as `inputs`: uint8 of the same shape. All images of one sample are
            changed alike.
        mode, ds_id: When to run; see `Op`.
        choices: What to draw from. "defaults" are Rotate, Identity, AutoContrast, Equalize, Posterize, Solarize,
            Sharpness, Contrast, Color, Brightness, ShearX, ShearY, TranslateX and TranslateY. Or some of these names;
            or some of them with a leading "!", for all but. Beside them, or in their place, NumpyOps with a
            method `set_rua_level`: they are copied, run on this op's keys, and their ranges count as those of level 30.
        level: The strength, in [0, 30].

    Raises:
        ConfigError: If `level` is not in [0, 30], `choices` is empty, mixes what excludes each other or holds something
            else, or there are not as many outputs as inputs.

    Source: "Automating Augmentation Through Random Unidimensional Search", arXiv 2106.08756; ranges and numbers of ops
        as FastEstimator 1.7.
    """

    def __init__(
        self,
        inputs: str | Sequence[str],
        outputs: str | Sequence[str],
        mode: Keys = None,
        ds_id: Keys = None,
        choices: str | NumpyOp | Sequence[str | NumpyOp] = "defaults",
        level: float = 18,
    ) -> None:
        keys_in, keys_out = to_list(inputs), to_list(outputs)
        if len(keys_in) != len(keys_out):
            raise ConfigError(f"RUA: as many outputs as inputs are needed, got inputs {inputs} and outputs {outputs}")
        if isinstance(level, str) or not 0 <= level <= MAX_LEVEL:
            raise ConfigError(f"RUA(level) must be a number in [0, {MAX_LEVEL}], got {level!r}")
        given = to_list(choices)
        own = [copy.deepcopy(choice) for choice in given if not isinstance(choice, str)]
        for op in own:
            _check_op(op, len(keys_in), mode, ds_id)
        names = _chosen_names([choice for choice in given if isinstance(choice, str)], has_own=bool(own))
        defaults = [kind(keys_in, keys_out, mode, ds_id, *limit) for kind, *limit in map(_DEFAULTS.__getitem__, names)]
        super().__init__([*defaults, *own], keys_in, keys_out, mode, ds_id)
        self.level = level
        self.num_ops = 1 + (MAX_NUM_OPS - 1) * level / MAX_LEVEL
        self.set_rua_level(level / MAX_LEVEL)
        # an image that only some of the ops can take must not fail once in a while
        self._channels = min((op.channels for op in self.ops if isinstance(op, PictureOp)), key=len, default=None)

    def run_on(self, store: dict[str, Any], state: dict[str, Any], batched: bool) -> FilteredData | None:
        values = [store[key] for key in self.inputs]
        if self._channels is not None:
            for image in values:
                check_image(np.asarray(image), self._channels, self)
        whole = int(self.num_ops)
        for _ in range(whole + (self.rng.random() < self.num_ops - whole)):
            op = self.ops[self.rng.integers(len(self.ops))]
            inner = dict(zip(op.inputs, values, strict=True))
            dropped = self.run_op(op, inner, state, batched)
            if dropped is not None:
                return dropped
            values = [inner[key] for key in op.outputs]
        store.update(zip(self.outputs, values, strict=True))
        return None

    def forward_batch(self, data: Any, state: dict[str, Any]) -> Any:
        """Run on a batch; ops are drawn for each row.

        Args:
            data: The images of each input, with a leading batch axis.
            state: "mode", "epoch" and "ds_id" of the moment.

        Returns:
            As `forward`, with a leading batch axis.
        """
        return NumpyOp.forward_batch(self, data, state)


class _Rotate(DrawnPictureOp):
    """Turn counter-clockwise around the middle, without mixing pixels. Pixels that come into view are 0.

    `limit` is in degrees.
    """

    def change(self, picture: Image, drawn: float) -> Image:
        return picture.rotate(drawn)


class _Equalize(PictureOp):
    """Make every value of a channel about as frequent as every other."""

    channels = GRAY_AND_COLOR

    def change(self, picture: Image, drawn: float) -> Image:
        import PIL.ImageOps

        return PIL.ImageOps.equalize(picture)


class _Posterize(PictureOp):
    """Keep the upper bits of each value, 1 at least and 8 at most."""

    channels = GRAY_AND_COLOR
    draws = True
    min_bits = 1

    def set_rua_level(self, magnitude_coef: float) -> None:
        self.min_bits = NUM_BITS - round((NUM_BITS - 1) * magnitude_coef)

    def draw(self) -> float:
        return float(self.rng.integers(self.min_bits, NUM_BITS + 1))

    def change(self, picture: Image, drawn: float) -> Image:
        import PIL.ImageOps

        return PIL.ImageOps.posterize(picture, int(drawn))


class _Solarize(DrawnPictureOp):
    """Invert the values that a number drawn from `limit` takes to 256 or more."""

    channels = GRAY_AND_COLOR

    def set_rua_level(self, magnitude_coef: float) -> None:
        low, high = self.full_range
        self.range = (low, high * magnitude_coef)

    def change(self, picture: Image, drawn: float) -> Image:
        import PIL.ImageOps

        return PIL.ImageOps.solarize(picture, 256 - round(drawn))


class _Identity(NumpyOp):
    """Leave images as they are."""

    draws = False

    def set_rua_level(self, magnitude_coef: float) -> None:
        """Accept a level."""


# what to make, and its range at level 30
_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "Rotate": (_Rotate, 90),
    "Identity": (_Identity,),
    "AutoContrast": (AutoContrast,),
    "Equalize": (_Equalize,),
    "Posterize": (_Posterize,),
    "Solarize": (_Solarize, (0, 256)),
    "Sharpness": (Sharpness, 0.9),
    "Contrast": (Contrast, 0.9),
    "Color": (Color, 0.9),
    "Brightness": (Brightness, 0.9),
    "ShearX": (ShearX, 0.5),
    "ShearY": (ShearY, 0.5),
    "TranslateX": (TranslateX, 0.33),
    "TranslateY": (TranslateY, 0.33),
}


def _chosen_names(words: list[str], has_own: bool) -> list[str]:
    """The names of the ops to draw from, in the order of `_DEFAULTS` where none is named.

    Args:
        words: "defaults", names, or names with a leading "!".
        has_own: Whether the user has given ops too.
    """
    removed = [word[1:] for word in words if word.startswith("!")]
    named = [word for word in words if not word.startswith("!")]
    for word in (*removed, *(word for word in named if word != "defaults")):
        if word not in _DEFAULTS:
            raise ConfigError(f"RUA(choices): {word!r} is none of {list(_DEFAULTS)}.{suggest(word, _DEFAULTS)}")
    if removed and named:
        raise ConfigError(f"RUA(choices): name ops to take or ops to leave out ('!Rotate'), not both; got {words}")
    if "defaults" in named:
        if set(named) != {"defaults"}:
            raise ConfigError(f"RUA(choices): 'defaults' already holds the other names; got {words}")
        return list(_DEFAULTS)
    if removed:
        named = [name for name in _DEFAULTS if name not in removed]
    if not named and not has_own:
        raise ConfigError(f"RUA(choices) must leave at least one op to draw from, got {words}; use 'defaults'")
    return named


def _check_op(op: Any, num_keys: int, mode: Keys, ds_id: Keys) -> None:
    if not isinstance(op, NumpyOp) or isinstance(op, Batch):
        raise ConfigError(f"RUA(choices) takes names and NumpyOps other than Batch, got {op!r}")
    name = type(op).__name__
    if len(op.inputs) != num_keys or len(op.outputs) != num_keys:
        raise ConfigError(
            f"RUA(choices): {name} reads {op.inputs} and writes {op.outputs}, but needs {num_keys} of each to stand in "
            "for RUA's own keys"
        )
    if not parse_modes(to_set(mode)) <= op.mode or op.ds_id not in (set(), to_set(ds_id)):
        raise ConfigError(
            f"RUA(choices): {name} does not run whenever RUA does, with mode={sorted(op.mode)} and "
            f"ds_id={sorted(op.ds_id)}; give these to RUA alone"
        )

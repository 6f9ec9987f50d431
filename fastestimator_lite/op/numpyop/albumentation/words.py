"""Words for what OpenCV numbers: ways to interpolate, and what lies beyond the border of an image."""

from __future__ import annotations

from collections.abc import Mapping

from fastestimator_lite.util.errors import ConfigError, suggest

LANCZOS = 4  # cv2.INTER_LANCZOS4, the next better where OpenCV has no such polynomial
INTERPOLATIONS = {"nearest_neighbor": 0, "bilinear": 1, "bicubic": 2, "biquartic": LANCZOS, "biquintic": LANCZOS}
BORDERS = {"constant": 0, "replicate": 1, "wrap": 3, "reflect": 4}


def interpolation_flag(word: int | str, where: str) -> int:
    """The OpenCV interpolation flag for a word of `INTERPOLATIONS`; a flag is returned as it is.

    Raises:
        ConfigError: If the word is not known; `where` names the op and its argument.
    """
    return _flag(word, INTERPOLATIONS, where)


def border_flag(word: int | str, where: str) -> int:
    """The OpenCV border constant for a word of `BORDERS`; a constant is returned as it is.

    Raises:
        ConfigError: If the word is not known; `where` names the op and its argument.
    """
    return _flag(word, BORDERS, where)


def _flag(word: int | str, flags: Mapping[str, int], where: str) -> int:
    if isinstance(word, int) and not isinstance(word, bool):
        return word  # albumentations checks it
    if word not in flags:
        raise ConfigError(
            f"{where} must be one of {', '.join(map(repr, flags))} or an OpenCV constant, got {word!r}."
            f"{suggest(word, flags)}"
        )
    return flags[str(word)]

"""Checks that traces which save files share, so that what cannot work is told before training."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.framework import framework_of_model
from fastestimator_lite.util.errors import ConfigError

if TYPE_CHECKING:
    from fastestimator_lite.types import Model


def check_folder(folder: str | os.PathLike[str], argument: str) -> None:
    """Make a folder if it is missing, and try to write a file into it.

    Args:
        folder: The folder.
        argument: Where it was given, for the message.

    Raises:
        ConfigError: If it cannot be made, is no folder, or cannot be written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as err:
        reason = "it is a file" if Path(folder).is_file() else f"{type(err).__name__}: {err.strerror or err}"
        raise ConfigError(
            f"{argument} must be a folder that can be written to, got {os.fspath(folder)!r}: {reason}"
        ) from err


def check_count(value: Any, argument: str, optional: bool = False) -> None:
    """Check a number of things.

    Raises:
        ConfigError: If it is not an int >= 1 (nor None, if that may be).
    """
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{argument} must be an int >= 1{' or None' if optional else ''}, got {value!r} ({type(value).__name__})"
        )


def check_architecture(model: Model, save_architecture: bool, argument: str) -> None:
    """Check that a model's architecture can be saved, if it is to be.

    Raises:
        ConfigError: If it is a torch model, which is loaded by its code.
    """
    if save_architecture and framework_of_model(model).NAME == "torch":
        raise ConfigError(
            f"{argument}=True is for Keras models, and {card_of(model).name!r} is a torch model: its "
            f"weights are saved, and loaded into a model that its code makes"
        )

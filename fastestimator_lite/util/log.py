"""The logger of the package, and its name in large letters."""

from __future__ import annotations

import logging

BANNER = r"""
 ___        _   ___    _   _            _             _    _ _
| __|_ _ __| |_| __|__| |_(_)_ __  __ _| |_ ___ _ _  | |  (_) |_ ___
| _/ _` (_-<  _| _|(_-<  _| | '  \/ _` |  _/ _ \ '_| | |__| |  _/ -_)
|_|\__,_/__/\__|___/__/\__|_|_|_|_\__,_|\__\___/_|   |____|_|\__\___|
"""

logger = logging.getLogger("fastestimator_lite")


def warn(message: str) -> None:
    """Tell the user of something that may not be as intended.

    Args:
        message: What happened and what to do. It goes to the logger "fastestimator_lite", which prints it on stderr
            unless the program set logging up in another way.
    """
    logger.warning("FastEstimator-Warn: %s", message, stacklevel=2)


def draw() -> None:
    """Print the name of the package in large letters."""
    print(BANNER)

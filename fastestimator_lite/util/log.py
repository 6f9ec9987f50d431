"""The logger of the package."""

from __future__ import annotations

import logging

logger = logging.getLogger("fastestimator_lite")


def warn(message: str) -> None:
    """Tell the user of something that may not be as intended.

    Args:
        message: What happened and what to do. It goes to the logger "fastestimator_lite", which prints it on stderr
            unless the program set logging up in another way.
    """
    logger.warning("FastEstimator-Warn: %s", message, stacklevel=2)

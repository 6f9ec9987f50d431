"""The command line, one module per command."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.cli import doctor as doctor
    from fastestimator_lite.cli import main as main
    from fastestimator_lite.cli import plan as plan
    from fastestimator_lite.cli import simulate as simulate

__getattr__, __dir__, __all__ = attach(__name__, __file__)

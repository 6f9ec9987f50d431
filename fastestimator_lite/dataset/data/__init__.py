"""Public data sets, one module each: its `load_data` brings them to this machine and returns them."""

from typing import TYPE_CHECKING

from fastestimator_lite._lazy import attach

if TYPE_CHECKING:
    from fastestimator_lite.dataset.data import cifar10 as cifar10
    from fastestimator_lite.dataset.data import mnist as mnist
    from fastestimator_lite.dataset.data import skl_digits as skl_digits

__getattr__, __dir__, __all__ = attach(__name__, __file__)

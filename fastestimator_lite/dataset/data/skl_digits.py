"""The handwritten digits that come with scikit-learn: real data without a download."""

from __future__ import annotations

from fastestimator_lite.dataset.numpy_dataset import NumpyDataset
from fastestimator_lite.util.errors import MissingDependencyError


def load_data(image_key: str = "x", label_key: str = "y") -> NumpyDataset:
    """Load 1797 images of handwritten digits.

    It is one data set, as in FastEstimator 1.7; ``data.split(0.2, seed=0, stratify="y")`` takes an evaluation part
    from it.

    Args:
        image_key: Key of the images: shape (8, 8), float64, whole numbers from 0 (paper) to 16 (ink).
        label_key: Key of the digits: int64, 0 to 9.

    Returns:
        The data set, in the order of scikit-learn.

    Raises:
        MissingDependencyError: If scikit-learn is not installed.

    Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits", the test part; UCI, CC BY 4.0.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as err:
        raise MissingDependencyError(
            "skl_digits.load_data() reads data that come with scikit-learn, which is not installed; "
            "run: pip install scikit-learn"
        ) from err
    digits = load_digits()
    return NumpyDataset({image_key: digits.images, label_key: digits.target})

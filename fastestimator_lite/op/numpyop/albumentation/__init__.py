"""Albumentations transforms as NumpyOps, by family; users find them in `univariate` and `multivariate`."""

"""The smallest way to make each public class, and something to feed it; the contract tests run over all of them."""

from __future__ import annotations

import albumentations as A

from fastestimator_lite.op.numpyop import meta, multivariate, univariate
from fastestimator_lite.op.numpyop.numpyop import Batch, Delete, LambdaOp, NumpyOp, RandomOp, RemoveIf
from tests.contracts.examples_drawn import DRAWN
from tests.contracts.examples_multivariate import MULTIVARIATE
from tests.contracts.examples_univariate import UNIVARIATE
from tests.contracts.samples import TARGETS, XY, Example, double, image, image_file, is_small, label, numbers, targets

NUMPYOPS: dict[type, Example] = {
    **MULTIVARIATE,
    **UNIVARIATE,
    **DRAWN,
    Batch: Example({}, lambda rng: []),
    Delete: Example({"keys": "x"}, numbers),
    LambdaOp: Example({"fn": double, **XY}, numbers),
    RemoveIf: Example({"fn": is_small, "inputs": "x"}, numbers),
    meta.Fuse: Example({"ops": [univariate.Minmax("x", "y"), univariate.Binarize(0.5, "y", "y")]}, numbers),
    meta.OneOf: Example(
        {}, targets, (multivariate.RandomCrop(8, 9, **TARGETS), multivariate.CenterCrop(8, 9, **TARGETS))
    ),
    meta.Repeat: Example({"op": multivariate.RandomCrop(8, 9, **TARGETS)}, targets),
    meta.Sometimes: Example({"numpy_op": multivariate.HorizontalFlip(**TARGETS)}, targets),
    multivariate.CenterCrop: Example({"height": 8, "width": 9, **TARGETS}, targets),
    multivariate.HorizontalFlip: Example(TARGETS, targets),
    multivariate.MultiVariateAlbumentation: Example({"func": A.HorizontalFlip(p=0.5), **TARGETS}, targets),
    multivariate.RandomCrop: Example({"height": 8, "width": 9, **TARGETS}, targets),
    multivariate.Resize: Example({"height": 8, "width": 9, **TARGETS}, targets),
    multivariate.Rotate: Example(TARGETS, targets),
    multivariate.VerticalFlip: Example(TARGETS, targets),
    univariate.Binarize: Example({"threshold": 0.1, **XY}, numbers),
    univariate.ChannelTranspose: Example(XY, image),
    univariate.ExpandDims: Example(XY, numbers),
    univariate.ImageOnlyAlbumentation: Example({"func": A.RandomGamma(p=0.8), **XY}, image),
    univariate.Minmax: Example(XY, image),
    univariate.Normalize: Example(XY, image),
    univariate.Onehot: Example({"num_classes": 5, **XY}, label),
    univariate.ReadImage: Example(XY, image_file),
    univariate.Reshape: Example({"shape": (4, 3), **XY}, numbers),
    univariate.ToArray: Example(XY, numbers),
}

# classes to derive from, which are never made themselves
NUMPYOP_BASES = {NumpyOp, RandomOp}

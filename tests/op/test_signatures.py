"""The constructors of every op: names, order and defaults are those of FastEstimator 1.7, recorded beside this file."""

from __future__ import annotations

import csv
import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest

from fastestimator_lite import op

PACKAGE = "fastestimator_lite"
ROWS = csv.DictReader(Path(__file__).with_name("signatures_1_7.csv").read_text().splitlines())
RECORDED = {row["path"]: row["parameters"] for row in ROWS}
# what we take beyond 1.7, always behind it
EXTRA = {
    "op.numpyop.univariate.Calibrate": "allow_pickle=False",
    "op.numpyop.univariate.ReadImage": "at_least=None",
    "op.tensorop.loss.FocalLoss": "ds_id=None",
    "op.tensorop.loss.L2Regularizaton": "ds_id=None",
    "op.tensorop.model.UpdateOp": "clip_norm=None, clip_value=None, nan='raise'",
}
TARGETS = (
    "mode=None, ds_id=None, image_in=None, mask_in=None, masks_in=None, bbox_in=None, keypoints_in=None, "
    "image_out=None, mask_out=None, masks_out=None, bbox_out=None, keypoints_out=None, bbox_params=None, "
    "keypoint_params=None"
)
# what 1.7 has no public name for
OURS = {
    "op.numpyop.RandomOp": "inputs=None, outputs=None, mode=None, ds_id=None",
    "op.numpyop.multivariate.MultiVariateAlbumentation": f"func, {TARGETS}",
    "op.numpyop.univariate.ImageOnlyAlbumentation": "func, inputs, outputs, mode=None, ds_id=None",
}


@cache
def offered():
    """Every op and function that a face under `op` offers, by path."""
    faces = [op]
    faces += [
        importlib.import_module(each.name)
        for each in pkgutil.walk_packages(op.__path__, f"{PACKAGE}.op.")
        if each.ispkg
    ]
    found = {f"{face.__name__}.{name}": getattr(face, name) for face in faces for name in getattr(face, "__all__", ())}
    return {path.removeprefix(f"{PACKAGE}."): each for path, each in found.items() if not inspect.ismodule(each)}


def signature(callable_):
    parameters = inspect.signature(callable_).parameters.values()
    text = ", ".join(str(each.replace(annotation=each.empty)) for each in parameters)
    return re.sub(r"<function \w+ at 0x\w+>", "<function>", text)


def test_every_op_is_recorded():
    assert sorted(offered()) == sorted(RECORDED | OURS)
    groups = [path.split(".")[1] for path in RECORDED]
    assert groups.count("numpyop") == 101
    assert groups.count("tensorop") == 31


@pytest.mark.parametrize("path", RECORDED)
def test_signature_is_that_of_1_7(path):
    assert signature(offered()[path]) == ", ".join(filter(None, [RECORDED[path], EXTRA.get(path)]))


@pytest.mark.parametrize("path", OURS)
def test_signature_of_our_own(path):
    assert signature(offered()[path]) == OURS[path]

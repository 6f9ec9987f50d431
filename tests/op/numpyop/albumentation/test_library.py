import subprocess
import sys

PROGRAM = """
import sys
from fastestimator_lite.op.numpyop.albumentation.library import import_albumentations

first = import_albumentations()
assert "torch" not in sys.modules, "torch was loaded"
assert import_albumentations() is first
assert first.Rotate(limit=30).limit == (-30.0, 30.0)
import albumentations.pytorch
assert "ToTensorV2" in dir(albumentations.pytorch), "albumentations.pytorch was lost"
"""


def test_albumentations_is_imported_without_torch():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr

"""Importing costs nothing that is not used: no face and no module loads a heavy library before something needs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fastestimator_lite"
HEAVY = ("torch", "tensorflow", "keras", "albumentations", "cv2", "matplotlib", "plotly", "pandas", "sklearn")
FRAMEWORK_ROOMS = {"pytorch", "tensorflow"}

# Imports the modules named in argv, one after the other, and prints {module: heavy libraries that came with it}.
WATCH = f"""
import importlib, json, sys
heavy, seen, loaded = set({HEAVY!r}), set(), {{}}
for name in sys.argv[1:]:
    importlib.import_module(name)
    new = heavy & set(sys.modules) - seen
    if new:
        loaded[name] = sorted(new)
    seen |= new
print(json.dumps(loaded))
"""


def loaded_by(names):
    """Import the modules in a fresh process and say which of them loaded what."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *names], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def module_name(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_package_and_faces_load_nothing_heavy():
    faces = sorted(module_name(file) for file in PACKAGE.rglob("__init__.py"))
    assert faces[0] == "fastestimator_lite"
    assert "fastestimator_lite.op.numpyop" in faces
    assert loaded_by(faces) == {}


def test_modules_outside_the_framework_rooms_load_nothing_heavy():
    modules = sorted(
        module_name(file)
        for file in PACKAGE.rglob("*.py")
        if not FRAMEWORK_ROOMS & set(file.relative_to(PACKAGE).with_suffix("").parts)
    )
    assert "fastestimator_lite.component" in modules
    assert loaded_by(modules) == {}


def test_a_heavy_import_is_seen():
    assert loaded_by(["json", "pandas"])["pandas"][0] == "pandas"


@pytest.mark.parametrize("is_on", [True, False])
def test_the_garbage_collector_is_as_it_was_after_a_name_was_imported(is_on):
    code = (
        f"import gc; {'' if is_on else 'gc.disable(); '}import fastestimator_lite as fe; fe.Pipeline; "
        "seen = []\n"
        "try: fe.Nothing\n"
        "except AttributeError: seen.append(gc.isenabled())\n"
        "print(gc.isenabled(), seen)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == [str(is_on), f"[{is_on}]"]

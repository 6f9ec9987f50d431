"""What a type checker knows of the ops is what they are at run time: mypy reads each constructor."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastestimator_lite import op

pytest.importorskip("mypy")
pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def mypy(*files):
    """Run mypy with the settings of the project, and with its cache, which makes a second run fast."""
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--no-color-output", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    return done.stdout + done.stderr


def ops():
    """Every class that a face under `op` offers: name to import from, and the class."""
    faces = [op]
    faces += [
        importlib.import_module(each.name)
        for each in pkgutil.walk_packages(op.__path__, f"{op.__name__}.")
        if each.ispkg
    ]
    for face in faces:
        for name in getattr(face, "__all__", ()):
            if inspect.isclass(getattr(face, name)):
                yield face.__name__, name, getattr(face, name)


def parts(text):
    """Split 'a: T[b, c], d: U =' at the commas outside brackets."""
    depth, pieces = 0, [""]
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += char
    return [piece.strip() for piece in pieces]


def revealed(line):
    """The parameters in a line of mypy: (name, whether it has a default, whether its type is known)."""
    inside = re.search(r'Revealed type is "def \((.*)\) -> ', line).group(1)
    for part in parts(inside):
        name, _, kind = part.removeprefix("**").removeprefix("*").partition(":")
        if name:  # a bare * says that what follows is given by name
            yield name, part.endswith("="), kind.removesuffix("=").strip() not in ("", "Any")


def test_mypy_reads_what_python_runs(tmp_path):
    everything = list(ops())
    lines = ["from __future__ import annotations"]
    lines += [f"import {face}" for face in sorted({face for face, _, _ in everything})]
    first = len(lines) + 1
    lines += [f"reveal_type({face}.{name})" for face, name, _ in everything]
    script = tmp_path / "every_op.py"
    script.write_text("\n".join(lines) + "\n")
    said = mypy(script)
    notes = {int(re.search(r"every_op\.py:(\d+):", line).group(1)): line for line in said.splitlines()}
    assert sorted(notes) == list(range(first, first + len(everything))), said
    for number, (face, name, kind) in enumerate(everything, first):
        wanted = [
            (each.name, each.default is not each.empty, True) for each in inspect.signature(kind).parameters.values()
        ]
        assert list(revealed(notes[number])) == wanted, f"{face}.{name}"


def test_mypy_refuses_what_is_wrong():
    assert mypy(HERE / "declared_numpyops.py") == ""

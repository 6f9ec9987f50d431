"""Who may import whom: the contracts of pyproject.toml hold, and a breach of them is seen."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "pyproject.toml"
LINT = (
    "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports', *sys.argv[1:]]; "
    "lint_imports_command()"
)


def lint(folder, *options):
    """Check the package in a folder against our contracts."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--config", str(CONTRACTS), "--no-logo", "--no-cache", *options],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_every_contract_holds():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.fixture
def small_house(tmp_path):
    """A package with the rooms that the contracts name and nothing in them."""
    root = tmp_path / "fastestimator_lite"
    modules = [
        "_lazy",
        "_settings",
        "types",
        "util/__init__",
        "backend/__init__",
        "backend/pytorch/__init__",
        "backend/tensorflow/__init__",
        "component",
        "schedule/__init__",
        "op/__init__",
        "slicer/__init__",
        "summary/__init__",
        "dataset/__init__",
        "network/__init__",
        "network/pytorch",
        "network/tensorflow",
        "pipeline/__init__",
        "trace/__init__",
        "estimator",
        "cli/__init__",
        "__init__",
    ]
    for module in modules:
        file = root / f"{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    return root


def test_an_empty_house_keeps_the_contracts(small_house):
    done = lint(small_house.parent)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("op/__init__", "from fastestimator_lite import estimator", "every import points down"),
        ("op/__init__", "def late():\n    from fastestimator_lite import trace", "every import points down"),
        ("network/__init__", "from fastestimator_lite import dataset", "every import points down"),
        ("network/pytorch", "import tensorflow", "the PyTorch rooms never import TensorFlow"),
        ("backend/tensorflow/__init__", "import torch", "the TensorFlow rooms never import PyTorch"),
    ],
)
def test_a_breach_is_seen(small_house, module, line, contract):
    (small_house / f"{module}.py").write_text(line + "\n")
    done = lint(small_house.parent)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout


def test_imports_for_type_checkers_are_free(small_house):
    lines = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fastestimator_lite import pipeline\n"
    (small_house / "summary" / "__init__.py").write_text(lines)
    done = lint(small_house.parent)
    assert done.returncode == 0, done.stdout + done.stderr

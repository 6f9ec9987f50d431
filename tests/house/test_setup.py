"""What setup.py promises: versions agree, extras never cross frameworks, pins lie within the ranges."""

import importlib.metadata
import re
import runpy
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import fastestimator_lite

ROOT = Path(__file__).parents[2]
TORCH = {"torch", "torchvision", "torchaudio", "torchmetrics", "torchdata"}
TENSORFLOW = {"tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly", "tf-keras", "tensorflow-probability"}
HEAVY = {"matplotlib", "pandas", "scikit-learn", "plotly", "gradio", "optuna", "pytest", "keras"} | TORCH | TENSORFLOW


@pytest.fixture(scope="module")
def stated():
    """The arguments with which setup.py calls setup()."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **arguments: found.update(arguments))
        patch.chdir(ROOT)
        runpy.run_path(str(ROOT / "setup.py"))
    return found


def pins():
    """The lines of requirements.txt that are requirements."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def all_needed(requirements, stated):
    """Names of everything that these bring, as far as installed packages say what they need themselves."""
    waiting, names, done = [Requirement(line) for line in requirements], set(), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        names.add(name)
        for extra in requirement.extras or {""}:
            if (name, extra) in done:
                continue
            done.add((name, extra))
            if name == stated["name"]:
                waiting += map(Requirement, stated["install_requires"] + stated["extras_require"].get(extra, []))
                continue
            try:
                lines = importlib.metadata.requires(name) or []
            except importlib.metadata.PackageNotFoundError:
                continue
            needed = map(Requirement, lines)
            waiting += [each for each in needed if each.marker is None or each.marker.evaluate({"extra": extra})]
    return names


def test_versions_agree(stated):
    assert stated["version"] == fastestimator_lite.__version__
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] == fastestimator_lite.__version__


def test_installed_metadata_agrees():
    try:
        installed = importlib.metadata.version("fastestimator-lite")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("runs from its sources, not installed")
    assert installed == fastestimator_lite.__version__


def test_core_brings_no_framework_and_no_optional_library(stated):
    assert not all_needed(stated["install_requires"], stated) & HEAVY


def test_torch_brings_no_tensorflow(stated):
    names = all_needed([f"{stated['name']}[torch]"], stated)
    assert "torch" in names
    assert not names & (TENSORFLOW | {"keras"})


@pytest.mark.parametrize("extra", ["tensorflow", "tensorflow-cpu", "tensorflow-gpu"])
def test_tensorflow_brings_no_torch(stated, extra):
    names = all_needed([f"{stated['name']}[{extra}]"], stated)
    assert "keras" in names
    assert len(names & TENSORFLOW) == 1
    assert not names & TORCH


def test_other_extras_bring_no_framework(stated):
    both = {"torch", "tensorflow", "tensorflow-cpu", "tensorflow-gpu", "all", "all-cpu"}
    others = set(stated["extras_require"]) - both
    assert {"plot", "metrics", "data", "dev"} <= others
    frameworks = {extra: all_needed([f"{stated['name']}[{extra}]"], stated) & (TORCH | TENSORFLOW) for extra in others}
    assert {extra: names for extra, names in frameworks.items() if names} == {}


@pytest.mark.parametrize(("extra", "build"), [("all", "tensorflow"), ("all-cpu", "tensorflow-cpu")])
def test_all_brings_both_frameworks_in_one_build_each(stated, extra, build):
    names = all_needed([f"{stated['name']}[{extra}]"], stated)
    assert names & TENSORFLOW == {build}
    assert "torch" in names
    assert {"matplotlib", "pandas", "scikit-learn"} <= names


def test_extras_name_one_opencv_at_most(stated):
    names = {Requirement(line).name for lines in stated["extras_require"].values() for line in lines}
    names |= {Requirement(line).name for line in stated["install_requires"]}
    assert {name for name in names if name.startswith("opencv")} == {"opencv-python-headless"}


def test_pins_lie_within_the_ranges(stated):
    ranges = {}
    for line in [*stated["install_requires"], *(each for lines in stated["extras_require"].values() for each in lines)]:
        wanted = Requirement(line)
        ranges.setdefault(canonicalize_name(wanted.name), []).append(wanted.specifier)
    outside = [
        f"{pin} is outside {specifier}"
        for pin in pins()
        for specifier in ranges.get(canonicalize_name(pin.name), [])
        if not specifier.contains(next(iter(pin.specifier)).version)
    ]
    assert outside == []


def test_every_pin_is_exact_and_free_of_local_versions():
    for pin in pins():
        (clause,) = pin.specifier
        assert clause.operator == "=="
        assert "+" not in clause.version


def test_core_and_both_frameworks_are_pinned(stated):
    pinned = {canonicalize_name(pin.name) for pin in pins()}
    extras = stated["extras_require"]
    lines = [*stated["install_requires"], *extras["torch"], *extras["tensorflow-cpu"]]
    assert {canonicalize_name(Requirement(line).name) for line in lines} <= pinned


def test_every_folder_with_modules_is_a_package(stated):
    on_disk = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "fastestimator_lite").rglob("*.py")}
    assert on_disk == set(stated["packages"])


def test_console_command_leads_to_a_function(stated):
    (line,) = stated["entry_points"]["console_scripts"]
    entry = importlib.metadata.EntryPoint(*(part.strip() for part in line.split("=")), "console_scripts")
    assert entry.name == "fastestimator-lite"
    assert callable(entry.load())

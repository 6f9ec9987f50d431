"""`fastestimator-lite doctor`: says what is installed and what is wrong with it, each with the line that mends it.

Reads the installed packages' metadata and imports none of them, so it answers at once and also where an import would
crash. `--deep` does import them, each in a process of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import fastestimator_lite
from fastestimator_lite.util.errors import suggest

SUMMARY = "say what is installed, what is broken, and the line that mends it"
DISTRIBUTION = "fastestimator-lite"

Level = Literal["ok", "note", "broken"]
MARKS: Mapping[Level, str] = {"ok": "ok", "note": "--", "broken": "!!"}

# Distributions that hold the same module. Two of them overwrite one another's files, and one stands for the other.
BUILDS: Mapping[str, tuple[str, ...]] = {
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf-nightly"),
    "albumentations": ("albumentations", "albumentationsx"),
}
# AlbumentationsX has another licence (AGPL) and another set of arguments: it holds the module, and is no replacement.
INTERCHANGEABLE = ("cv2", "tensorflow")

FRAMEWORKS = ("torch", "tensorflow")
SHOWN_EXTRAS_LESS = ("torch", "tensorflow", "tensorflow-cpu", "tensorflow-gpu", "all", "all-cpu", "dev")
KERAS_BACKENDS = ("tensorflow", "torch", "jax", "numpy", "openvino")
DEEP_IMPORTS = ("torch", "tensorflow", "keras", "cv2", "albumentations")
DEEP_SECONDS = 180

# What an import says when reinstalling would not help, and what does.
KNOWN_FAILURES: Mapping[str, str] = {
    "libGL|libgthread|libxcb": "apt-get install -y libgl1 libglib2.0-0",
    "Unable to import backend": "unset KERAS_BACKEND",
    "No module named 'tensorflow'": "export KERAS_BACKEND=torch",
}

# Runs in a process of its own; argv[1] is the module. Prints one line of JSON: version and GPUs.
PROBE = """
import importlib, json, sys
name = sys.argv[1]
module = importlib.import_module(name)
gpus = None
if name == "torch":
    gpus = [module.cuda.get_device_name(i) for i in range(module.cuda.device_count())]
elif name == "tensorflow":
    gpus = [device.name for device in module.config.list_physical_devices("GPU")]
print(json.dumps({"version": getattr(module, "__version__", None), "gpus": gpus}))
"""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: "ok", "note" (works, but something is missing or odd) or "broken".
        subject: What it is about.
        text: What was seen.
        mend: The command that mends it; None when there is nothing to mend.
    """

    level: Level
    subject: str
    text: str
    mend: str | None = None


@dataclasses.dataclass(frozen=True)
class Need:
    """One requirement, as the package's metadata states it.

    Attributes:
        name: Distribution, normalised ("opencv-python-headless").
        written: Name, extras and range as written, fit for `pip install`.
        specifier: The range, for example ">=1.26,<3"; "" for any version.
        extra: The optional part that needs it; None for the core.
    """

    name: str
    written: str
    specifier: str
    extra: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `doctor`."""
    parser.add_argument(
        "--deep",
        action="store_true",
        help="also import the frameworks and image libraries, each in its own process, and ask them for GPUs (slow)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report.

    Args:
        arguments: Has `deep`.

    Returns:
        1 when something is broken, else 0.
    """
    installed = installed_distributions()
    needs = read_needs()
    sections = {
        "Packages": [
            *check_python(sys.version_info[:3], read_python_range()),
            *check_core(needs, installed),
            *check_builds(installed),
        ],
        "Frameworks": [*check_frameworks(needs, installed)],
        "GPU": [*check_gpu(list_gpus(), installed, os.environ)],
        "Environment": [*check_environment(os.environ, installed)],
        "Optional parts": [*check_extras(needs, installed)],
    }
    if arguments.deep:
        sections["Imports"] = [*check_imports(installed)]
    print(f"{DISTRIBUTION} {fastestimator_lite.__version__} on {platform.platform()}, {sys.executable}")
    print(report(sections))
    return int(any(finding.level == "broken" for findings in sections.values() for finding in findings))


def report(sections: Mapping[str, list[Finding]]) -> str:
    """Lay the findings out as text: a table per section, then what to do about them."""
    findings = [finding for section in sections.values() for finding in section]
    width = max((len(finding.subject) for finding in findings), default=0)
    lines = []
    for title, section in sections.items():
        lines += ["", title]
        lines += [f"  {MARKS[each.level]}  {each.subject:<{width}}  {each.text}" for each in section]
    for title, level in (("To mend", "broken"), ("To improve, if you want it", "note")):
        mended = [finding for finding in findings if finding.level == level and finding.mend]
        if mended:
            lines += ["", title]
        for each in mended:
            lines += [f"  {each.subject}: {each.text}", f"      {each.mend}"]
    broken = sum(finding.level == "broken" for finding in findings)
    lines += ["", f"{broken} thing{'s' * (broken != 1)} broken." if broken else "Nothing is broken."]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------- what is installed


def installed_distributions() -> dict[str, str]:
    """Versions of everything installed, by normalised name."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        # an installation that was cut off leaves metadata without a name
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(_normalised(name), distribution.version)
    return found


def read_needs() -> list[Need]:
    """The package's requirements, from its installed metadata; empty when it runs uninstalled from its sources."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [need for need in map(parse_need, lines) if need.name != DISTRIBUTION]


def read_python_range() -> str:
    """The Python versions that the package is made for, for example ">=3.10,<3.14"; "" when it runs uninstalled."""
    try:
        return importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def parse_need(line: str) -> Need:
    """Read one `Requires-Dist` line, such as ``torch<3,>=2.4; extra == "torch"``."""
    written, _, marker = (part.strip() for part in line.partition(";"))
    what = re.split(r"[\s<>=!~(]", written, maxsplit=1)[0]
    clauses = written[len(what) :].strip(" ()").replace(" ", "").split(",")
    specifier = ",".join(sorted(clauses, key=lambda clause: not clause.startswith(">")))  # metadata has "<3,>=1.26"
    extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", marker)
    return Need(_normalised(what.partition("[")[0]), what + specifier, specifier, extra.group(1) if extra else None)


def version_within(version: str, specifier: str) -> bool:
    """Whether a version lies in a range of >=, >, <, <= and == clauses; pre-release and local parts do not count."""
    have = _release(version)
    for clause in filter(None, (part.strip() for part in specifier.split(","))):
        operator, bound = re.match(r"([<>=!~]+)\s*(.*)", clause).groups()  # type: ignore[union-attr]
        want = _release(bound)
        size = max(len(have), len(want))
        left, right = _padded(have, size), _padded(want, size)
        held = {">=": left >= right, ">": left > right, "<": left < right, "<=": left <= right, "==": left == right}
        if not held.get(operator, True):
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _padded(release: tuple[int, ...], size: int) -> tuple[int, ...]:
    return release + (0,) * (size - len(release))


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _stand_in(name: str, installed: Mapping[str, str]) -> str | None:
    """The installed distribution that provides what `name` provides: itself or another build of the same module."""
    if name in installed:
        return name
    for module in INTERCHANGEABLE:
        if name in BUILDS[module]:
            return next((build for build in BUILDS[module] if build in installed), None)
    return None


def _install(*requirements: str, options: str = "") -> str:
    """The line that installs these into the Python that is running."""
    command = f"{sys.executable} -m pip install" if _has_pip() else f"uv pip install --python {sys.executable}"
    quoted = (f'"{each}"' if re.search(r"[<>=!\[ ]", each) else each for each in requirements)
    return " ".join([command, *filter(None, [options]), *quoted])


def _uninstall(*names: str) -> str:
    command = f"{sys.executable} -m pip uninstall -y" if _has_pip() else f"uv pip uninstall --python {sys.executable}"
    return " ".join([command, *names])


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


# --------------------------------------------------------------------------------------------------------- the checks


def check_python(version: tuple[int, ...], wanted: str) -> Iterator[Finding]:
    """Whether this Python is one that the package is made for."""
    this = ".".join(map(str, version))
    if version_within(this, wanted):
        yield Finding("ok", "python", f"{this}  {wanted}".rstrip())
    else:
        yield Finding(
            "broken",
            "python",
            f"{this} is outside {wanted}",
            f"python3.12 -m venv .venv && .venv/bin/python -m pip install {DISTRIBUTION}",
        )


def check_core(needs: Iterable[Need], installed: Mapping[str, str]) -> Iterator[Finding]:
    """Whether what the package cannot do without is there, in versions that it can work with."""
    core = [need for need in needs if need.extra is None]
    if not core:
        yield Finding(
            "note",
            DISTRIBUTION,
            "runs from its sources, not installed: the ranges it needs are not known",
            _install("-e", str(Path(fastestimator_lite.__file__).parent.parent)),
        )
    for need in core:
        yield from _check_need(need, installed, "broken")


def check_builds(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Whether two distributions fight over one module, for example two OpenCVs side by side."""
    for module, builds in BUILDS.items():
        present = [build for build in builds if build in installed]
        if len(present) < 2:
            continue
        keep = present[0]
        versions = ", ".join(f"{build} {installed[build]}" for build in present)
        # of one version they hold the same files; then only removing one of them does damage
        same = len({installed[build] for build in present}) == 1
        again = _install(f"{keep}=={installed[keep]}", options="--force-reinstall --no-deps")
        yield Finding(
            "note" if same else "broken",
            module,
            f"installed {len(present)} times over itself: {versions}",
            f"{_uninstall(*present)} && {again}",
        )


def check_frameworks(needs: Iterable[Need], installed: Mapping[str, str]) -> Iterator[Finding]:
    """Which frameworks are there, and whether in versions that the package can work with."""
    asked = {need.name: need for need in needs if need.extra in FRAMEWORKS and need.name in FRAMEWORKS}
    found = [framework for framework in FRAMEWORKS if _stand_in(framework, installed)]
    for framework in FRAMEWORKS:
        need = asked.get(framework, Need(framework, framework, "", framework))
        if framework in found:
            yield from _check_need(need, installed, "broken")
        elif found:
            yield Finding("note", framework, "not installed; not needed beside the other", _install(need.written))
        else:
            yield Finding(
                "broken", framework, "not installed, nor is the other one: nothing can train", _install(need.written)
            )


def check_extras(needs: Iterable[Need], installed: Mapping[str, str]) -> Iterator[Finding]:
    """What each optional part of the package still lacks."""
    parts: dict[str, list[Need]] = {}
    for need in needs:
        if need.extra is not None and need.extra not in SHOWN_EXTRAS_LESS:
            parts.setdefault(need.extra, []).append(need)
    for extra, wanted in parts.items():
        missing = [need for need in wanted if need.name not in installed]
        unfit = [
            need for need in wanted if need not in missing and not version_within(installed[need.name], need.specifier)
        ]
        seen = [f"{need.name} {installed[need.name]} is outside {need.specifier}" for need in unfit]
        if missing:
            seen.append(f"lacks {', '.join(need.name for need in missing)}")
        if seen:
            yield Finding(
                "broken" if unfit else "note",
                extra,
                "; ".join(seen),
                _install(*(need.written for need in (*unfit, *missing))),
            )
        else:
            yield Finding("ok", extra, ", ".join(f"{need.name} {installed[need.name]}" for need in wanted))


def check_gpu(gpus: list[str], installed: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the driver shows GPUs, and whether the installed frameworks are builds that could use them."""
    if not gpus:
        yield Finding("ok", "nvidia-smi", "shows no GPU: training runs on the CPU")
        return
    for index, gpu in enumerate(gpus):
        yield Finding("ok", f"GPU {index}", gpu)
    if environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        yield Finding("note", "CUDA_VISIBLE_DEVICES", "hides every GPU", "unset CUDA_VISIBLE_DEVICES")
    torch = installed.get("torch", "")
    if torch.endswith("+cpu"):
        yield Finding(
            "note",
            "torch",
            f"{torch} is built without CUDA",
            _install(f"torch=={torch.removesuffix('+cpu')}", options="--force-reinstall --isolated"),
        )
    if "tensorflow-cpu" in installed and "tensorflow" not in installed:
        version = installed["tensorflow-cpu"]
        yield Finding(
            "note",
            "tensorflow",
            f"tensorflow-cpu {version} is built without CUDA",
            f"{_uninstall('tensorflow-cpu')} && {_install(f'tensorflow[and-cuda]=={version}')}",
        )


def check_environment(environment: Mapping[str, str], installed: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the variables that steer the libraries have values that work."""
    yield _check_keras_backend(environment.get("KERAS_BACKEND"), installed)

    update = environment.get("NO_ALBUMENTATIONS_UPDATE")
    if update is None:
        yield Finding("ok", "NO_ALBUMENTATIONS_UPDATE", "not set; set to 1 before albumentations is imported")
    elif update.lower() in ("1", "true"):
        yield Finding("ok", "NO_ALBUMENTATIONS_UPDATE", update)
    else:
        yield Finding(
            "note",
            "NO_ALBUMENTATIONS_UPDATE",
            f"{update!r} lets albumentations look online at each import",
            "export NO_ALBUMENTATIONS_UPDATE=1",
        )

    level = environment.get("TF_CPP_MIN_LOG_LEVEL")
    if level is None or level in ("0", "1", "2", "3"):
        yield Finding("ok", "TF_CPP_MIN_LOG_LEVEL", "not set" if level is None else level)
    else:
        yield Finding(
            "note", "TF_CPP_MIN_LOG_LEVEL", f"{level!r} is not one of 0, 1, 2, 3", "export TF_CPP_MIN_LOG_LEVEL=2"
        )

    visible = environment.get("CUDA_VISIBLE_DEVICES")
    yield Finding("ok", "CUDA_VISIBLE_DEVICES", "not set" if visible is None else repr(visible))


def _check_keras_backend(backend: str | None, installed: Mapping[str, str]) -> Finding:
    subject = "KERAS_BACKEND"
    has_tensorflow = _stand_in("tensorflow", installed) is not None
    if backend is None:
        if "keras" in installed and not has_tensorflow and "torch" in installed:
            return Finding(
                "note", subject, "not set: without TensorFlow, `import keras` fails", "export KERAS_BACKEND=torch"
            )
        return Finding("ok", subject, "not set; set to tensorflow before Keras is imported")
    if backend not in KERAS_BACKENDS:
        return Finding(
            "broken",
            subject,
            f"{backend!r} is no backend of Keras.{suggest(backend, KERAS_BACKENDS)}",
            "unset KERAS_BACKEND",
        )
    if backend in FRAMEWORKS and not _stand_in(backend, installed):
        return Finding("broken", subject, f"{backend!r} is not installed", "unset KERAS_BACKEND")
    if backend != "tensorflow" and has_tensorflow:
        return Finding("note", subject, f"{backend!r}: Keras models are not TensorFlow models", "unset KERAS_BACKEND")
    return Finding("ok", subject, backend)


def check_imports(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Import what is installed, each in its own process, and ask the frameworks for GPUs."""
    for module in DEEP_IMPORTS:
        builds = [build for build in BUILDS.get(module, (module,)) if build in installed]
        if not builds:
            continue
        error, answer = probe(module)
        if answer is None:
            again = _install(f"{builds[0]}=={installed[builds[0]]}", options="--force-reinstall --no-deps")
            mend = next((line for pattern, line in KNOWN_FAILURES.items() if re.search(pattern, error)), again)
            yield Finding("broken", f"import {module}", error, mend)
            continue
        gpus = answer["gpus"]
        seen = "" if gpus is None else f", GPUs: {', '.join(gpus) or 'none'}"
        yield Finding("ok", f"import {module}", f"{answer['version']}{seen}")


def probe(module: str) -> tuple[str, dict[str, Any] | None]:
    """Import a module in a process of its own.

    Args:
        module: Its name.

    Returns:
        The last line of its error and None, or "" and what it says: `version` and `gpus` (None if it knows of none).
    """
    quiet = {"NO_ALBUMENTATIONS_UPDATE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, module],
            env=quiet | dict(os.environ),
            capture_output=True,
            text=True,
            timeout=DEEP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {DEEP_SECONDS} s", None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return said[-1] if said else f"ended with code {done.returncode}", None
    return "", json.loads(done.stdout.strip().splitlines()[-1])


def list_gpus() -> list[str]:
    """The GPUs that the NVIDIA driver shows, by name and memory; empty without a driver."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        done = subprocess.run(
            [command, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def _check_need(need: Need, installed: Mapping[str, str], level: Level) -> Iterator[Finding]:
    build = _stand_in(need.name, installed)
    if build is None:
        yield Finding(level, need.name, "not installed", _install(need.written))
    elif not version_within(installed[build], need.specifier):
        yield Finding(
            level,
            need.name,
            f"{installed[build]} is outside {need.specifier}",
            _install(need.written.replace(need.name, build, 1)),
        )
    else:
        as_what = "" if build == need.name else f" as {build}"
        yield Finding("ok", need.name, f"{installed[build]}{as_what}  {need.specifier}".rstrip())

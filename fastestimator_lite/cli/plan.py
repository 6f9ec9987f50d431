"""`fastestimator-lite plan`: says what a script's training will do at which epoch, without training.

Calls the script's get_estimator() with the arguments that follow, such as `--epochs 5`, and prints the timeline of the
Estimator that it returns.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from fastestimator_lite.estimator.estimator import Estimator
from fastestimator_lite.summary.planned import write_plan
from fastestimator_lite.util.errors import ConfigError, MissingDependencyError, MissingKeyError, suggest
from fastestimator_lite.util.text import parse_string_to_python

ENDINGS = ("csv", "json", "png", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `plan`."""
    parser.add_argument("--out", metavar="DIR", help="folder in which to write the timeline as CSV, JSON, PNG and HTML")
    parser.add_argument("script", metavar="SCRIPT.py", help="a Python file with a function get_estimator()")
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="--ARGUMENT VALUE",
        help="arguments of get_estimator(), such as --epochs 5; --out may stand here too",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the timeline.

    Args:
        arguments: Has `script`, `arguments` and `out`.

    Returns:
        1 when there is no estimator to be had or a file cannot be written, else 0.
    """
    try:
        given = read_arguments(arguments.arguments)
        out = given.pop("out", arguments.out)
        timeline = load_estimator(Path(arguments.script), given).timeline()
        print(timeline)
        for ending in ENDINGS if out is not None else ():
            name = Path(arguments.script).stem
            print(f"Wrote {write_plan(Path(str(out)) / f'{name}.{ending}', timeline, f'Timeline of {name}')}")
    except (ConfigError, MissingKeyError, MissingDependencyError, OSError, _ScriptError) as err:
        print(f"plan: {err}", file=sys.stderr)
        return 1
    return 0


def read_arguments(words: Sequence[str]) -> dict[str, Any]:
    """Read `--name value` and `--name=value`.

    Args:
        words: The words of a command line.

    Returns:
        The values by name; a text that reads as a number, a list and so on becomes one.

    Raises:
        ConfigError: If a name or a value is missing, or a name comes twice.

    Example:
        >>> read_arguments(["--epochs", "5", "--sizes=[32, 64]", "--backend", "torch"])
        {'epochs': 5, 'sizes': [32, 64], 'backend': 'torch'}
    """
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or word == "--":
            raise ConfigError(f"arguments of get_estimator() are given as --name value, got {word!r}")
        name, equals, value = word[2:].partition("=")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise ConfigError(f"--{name} needs a value, as in --{name} 5 or --{name} true")
            value = rest.pop(0)
        name = name.replace("-", "_")
        if name in found:
            raise ConfigError(f"--{name} is given twice")
        found[name] = parse_string_to_python(value)
    return found


def load_estimator(script: Path, arguments: dict[str, Any]) -> Estimator:
    """Call the get_estimator() of a script.

    Args:
        script: A Python file.
        arguments: What to call it with.

    Raises:
        ConfigError: If there is no such file or function, it does not take the arguments, or returns no Estimator.
    """
    if not script.is_file():
        near = [path.name for path in script.parent.glob("*.py")] if script.parent.is_dir() else []
        raise ConfigError(f"there is no file {str(script)!r}.{suggest(script.name, near)}")
    with _blaming(script, "it was imported"):
        module = _imported(script)
    function = getattr(module, "get_estimator", None)
    if not callable(function):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ConfigError(
            f"{script.name} has no function get_estimator(), whose Estimator is to be looked at."
            f"{suggest('get_estimator', names)}"
        )
    _check_arguments(script.name, function, arguments)
    with _blaming(script, "get_estimator() was called"):
        estimator = function(**arguments)
    if not isinstance(estimator, Estimator):
        raise ConfigError(
            f"get_estimator() of {script.name} must return an Estimator, got {type(estimator).__name__}: "
            f"{estimator!r:.100}"
        )
    return estimator


class _ScriptError(Exception):
    """A script failed; the message says how."""


@contextlib.contextmanager
def _blaming(script: Path, when: str) -> Iterator[None]:
    """Tell what goes wrong in a script by its own lines."""
    try:
        yield
    except (ConfigError, MissingKeyError, MissingDependencyError):
        raise
    except SystemExit as err:
        raise _ScriptError(
            f"{script.name} ended itself (exit code {err.code}) when {when}; what is to run only as a "
            f"script belongs under if __name__ == '__main__':"
        ) from err
    except Exception as err:
        frames = traceback.extract_tb(err.__traceback__)
        first = next((place for place, frame in enumerate(frames) if Path(frame.filename) == script.resolve()), 0)
        lines = "".join([*traceback.format_list(frames[first:]), *traceback.format_exception_only(err)])
        raise _ScriptError(f"{script.name} failed when {when}:\n{lines.rstrip()}") from err


def _imported(script: Path) -> ModuleType:
    """Import a file under its name, with its folder first on the path, as running it would."""
    path = script.resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{script.name} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # what is pickled or declared in it looks for it there
    spec.loader.exec_module(module)
    return module


def _check_arguments(script: str, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        return
    names = [
        one.name
        for one in parameters
        if one.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    ]
    for name in arguments:
        if name not in names:
            raise ConfigError(
                f"get_estimator() of {script} takes no argument {name!r}; it takes "
                f"{', '.join(names) or 'none'}.{suggest(name, names)}"
            )
    for one in parameters:
        if one.default is inspect.Parameter.empty and one.name not in arguments and one.name in names:
            raise ConfigError(f"get_estimator() of {script} needs the argument {one.name!r}: --{one.name} VALUE")

"""The entry point of `fastestimator-lite`: finds the command that is named and runs it."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

import fastestimator_lite
from fastestimator_lite import cli
from fastestimator_lite.cli import doctor
from fastestimator_lite.util.errors import suggest


class Command(Protocol):
    """What a module of this package offers to be a command; `SUMMARY` is its line in the help."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""
        ...


@dataclasses.dataclass(frozen=True)
class Late:
    """A command whose module is imported once it is named, so that `doctor` answers where numpy itself is broken.

    Attributes:
        module: Name of its module in this package.
        SUMMARY: Its line in the help.
    """

    module: str
    SUMMARY: str


COMMANDS: Mapping[str, Command | Late] = {
    "doctor": doctor,
    "plan": Late("plan", "say what a script's training will do at which epoch, without training"),
    "simulate": Late("simulate", "draw the schedule of a configuration before anything is trained"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after the program's name; None takes those of this process.

    Returns:
        The exit code: 0 when all is well, 1 when the command says no, 2 when it was called wrongly.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    named = next((word for word in words if not word.startswith("-")), None)
    parser = _parser(named)
    if named is not None and named not in COMMANDS:
        parser.error(f"unknown command {named!r}; there is: {', '.join(COMMANDS)}.{suggest(named, COMMANDS)}")
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    return _loaded(COMMANDS[arguments.command]).run(arguments)


def _loaded(command: Command | Late) -> Command:
    found: Command = getattr(cli, command.module) if isinstance(command, Late) else command
    return found


def _parser(named: str | None) -> argparse.ArgumentParser:
    """The parser; of the arguments of commands it knows those of the one that is named."""
    parser = argparse.ArgumentParser(
        prog="fastestimator-lite",
        description="Train on PyTorch or TensorFlow with everything schedulable.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {fastestimator_lite.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        if name != named:
            commands.add_parser(name, help=command.SUMMARY)
            continue
        loaded = _loaded(command)
        described = commands.add_parser(name, help=command.SUMMARY, description=loaded.__doc__, allow_abbrev=False)
        loaded.add_arguments(described)
    return parser

"""The entry point: finding the command, and what it says when there is none such."""

import argparse
import subprocess
import sys

import pytest

import fastestimator_lite
from fastestimator_lite.cli import main as main_module
from fastestimator_lite.cli.main import COMMANDS, main


class Echo:
    """A command that remembers what it was given."""

    SUMMARY = "say it again"

    def __init__(self, code):
        self.code = code
        self.words = None

    def add_arguments(self, parser):
        parser.add_argument("words", nargs="*")
        parser.add_argument("--loud", action="store_true")

    def run(self, arguments: argparse.Namespace) -> int:
        self.words = [word.upper() if arguments.loud else word for word in arguments.words]
        return self.code


def test_runs_the_named_command_and_returns_its_exit_code(monkeypatch):
    echo = Echo(code=1)
    monkeypatch.setattr(main_module, "COMMANDS", {**COMMANDS, "echo": echo})
    assert main(["echo", "a", "b", "--loud"]) == 1
    assert echo.words == ["A", "B"]


def test_words_come_from_the_process_when_none_are_given(monkeypatch):
    echo = Echo(code=0)
    monkeypatch.setattr(main_module, "COMMANDS", {"echo": echo})
    monkeypatch.setattr(sys, "argv", ["fastestimator-lite", "echo", "here"])
    assert main() == 0
    assert echo.words == ["here"]


def test_unknown_command_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["docter"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "unknown command 'docter'" in said
    assert "Did you mean 'doctor'?" in said


def test_unknown_command_that_is_near_to_none_lists_what_there_is(capsys):
    with pytest.raises(SystemExit):
        main(["zzz"])
    said = capsys.readouterr().err
    assert "there is: doctor" in said
    assert "Did you mean" not in said


def test_no_command_prints_the_help_and_fails(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    for name, command in COMMANDS.items():
        assert name in said
        assert command.SUMMARY.split(",")[0] in said


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"fastestimator-lite {fastestimator_lite.__version__}\n"


def test_unknown_option_is_refused_and_not_abbreviated(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--dee"])
    assert stop.value.code == 2
    assert "--dee" in capsys.readouterr().err


def test_python_dash_m_is_the_same_command():
    command = [sys.executable, "-m", "fastestimator_lite", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"fastestimator-lite {fastestimator_lite.__version__}\n"

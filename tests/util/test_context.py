"""The timer prints what it measured; silence holds for Python and below it, and ends."""

import re
import subprocess
import sys

import pytest

from fastestimator_lite.util.context import NonContext, Suppressor, Timer

# The stages of a block: what Python prints, what is written below it, an error.
SCRIPT = """
import os, sys
from fastestimator_lite.util.context import Suppressor
print("before")
try:
    with Suppressor({arguments}) as silence:
        print("by print")
        os.write(1, b"below\\n")
        print("to stderr", file=sys.stderr)
        os.write(2, b"below stderr\\n")
        os.system("echo child")
        {last}
except ZeroDivisionError:
    print("raised")
os.write(1, b"fd is back\\n") if sys.stdout.flush() is None else None
print("after", sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, len(os.listdir("/proc/self/fd")) == {open})
"""


def lines(arguments="", last="pass"):
    """Run the script and give the lines of its two streams."""
    count = "int(os.environ['FDS'])"
    text = SCRIPT.format(arguments=arguments, last=last, open=count)
    text = text.replace(
        "import os, sys\n", "import os, sys\nos.environ['FDS'] = str(len(os.listdir('/proc/self/fd')))\n", 1
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


AFTER = ["fd is back", "after True True True"]


def test_all_is_silent():
    assert lines() == (["before", *AFTER], [])


def test_python_may_print():
    assert lines("allow_pyprint=True") == (["before", "by print", *AFTER], ["to stderr"])


def test_an_error_stays_silent():
    assert lines(last="1 / 0") == (["before", "raised", *AFTER], [])


def test_what_was_held_back_is_shown_with_an_error():
    held = ["by print", "below", "to stderr", "below stderr", "child"]
    assert lines("show_if_exception=True", "1 / 0") == (["before", *held, "raised", *AFTER], [])
    assert lines("show_if_exception=True") == (["before", *AFTER], [])


def test_teardown_ends_the_silence():
    out, _ = lines(last="silence.teardown(); print('heard')")
    assert out == ["before", "heard", *AFTER]


def test_silence_within_silence():
    out, _ = lines(last="Suppressor().__enter__().__exit__(None, None, None); print('not heard')")
    assert out == ["before", *AFTER]


def test_streams_without_a_descriptor(capsys):
    with Suppressor():
        print("hidden")
    with Suppressor(allow_pyprint=True):
        print("seen")
    assert capsys.readouterr().out == "seen\n"


def test_timer_of_a_block(capsys):
    with Timer() as timer:
        sum(range(1000))
    (seconds,) = re.fullmatch(r"Task took (\S+) seconds\n", capsys.readouterr().out).groups()
    assert float(seconds) == pytest.approx(timer.seconds, rel=1e-3)
    assert timer.seconds > 0


def test_timer_of_a_function(capsys):
    @Timer("Count")
    def count(n):
        return n + count(n - 1) if n else 0

    assert count(2) == 3
    assert len(re.findall(r"^Count took \S+ seconds$", capsys.readouterr().out, re.MULTILINE)) == 3


def test_timer_speaks_when_the_block_fails(capsys):
    with pytest.raises(ZeroDivisionError), Timer("Short"):
        1 / 0
    assert capsys.readouterr().out.startswith("Short took ")


def test_non_context():
    with NonContext() as nothing:
        assert nothing is None
    with pytest.raises(ZeroDivisionError), NonContext():
        1 / 0

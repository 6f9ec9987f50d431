"""Text: names for people to read, and values that come as text."""

from __future__ import annotations

import ast
import json
import re
from typing import Any


def strip_prefix(target: str | None, prefix: str | None) -> str | None:
    """Take a prefix off, if it is there.

    Args:
        target: The text; None gives None.
        prefix: What to take off; None takes nothing.

    Returns:
        The rest of the text.
    """
    return target if target is None or prefix is None else target.removeprefix(prefix)


def strip_suffix(target: str | None, suffix: str | None) -> str | None:
    """Take a suffix off, if it is there.

    Args:
        target: The text; None gives None.
        suffix: What to take off; None takes nothing.

    Returns:
        The rest of the text.
    """
    return target if target is None or suffix is None else target.removesuffix(suffix)


def prettify_metric_name(metric: str) -> str:
    """Make a title of a key: words apart, each with a capital letter.

    Args:
        metric: A key in snake case or camel case.

    Example:
        >>> prettify_metric_name("max_accuracy"), prettify_metric_name("meanSquaredError")
        ('Max Accuracy', 'Mean Squared Error')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", metric).replace("_", " ").split()
    return " ".join(word[0].upper() + word[1:] for word in words)


def is_number(arg: str) -> bool:
    """Whether a text reads as a number.

    Example:
        >>> is_number("13.7"), is_number("-1e3"), is_number("ae13.7")
        (True, True, False)
    """
    try:
        float(arg)
    except ValueError:
        return False
    return True


def parse_string_to_python(val: str) -> Any:
    """Read a text as a Python or JSON value.

    Args:
        val: Such as "5", "[5, 4, 0.3]", "{'a': 5}" or "true".

    Returns:
        The value; the text itself if it is neither.

    Example:
        >>> parse_string_to_python("[5, 0.3]"), parse_string_to_python("true"), parse_string_to_python("adam")
        ([5, 0.3], True, 'adam')
    """
    try:
        return ast.literal_eval(val)
    except (ValueError, SyntaxError):
        pass
    try:
        return json.loads(val)
    except json.JSONDecodeError:
        return val

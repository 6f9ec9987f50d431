"""What the architectures of both frameworks ask of their arguments."""

from __future__ import annotations

from collections.abc import Sequence

from fastestimator_lite.util.errors import ConfigError


def check_image(
    name: str,
    input_size: Sequence[int | None],
    channels_first: bool,
    at_least: int = 1,
    multiple_of: int = 1,
    argument: str = "input_size",
) -> None:
    """Check the size of the images that a model is made for.

    Args:
        name: Name of the model, for the message.
        input_size: Channels, height and width, or height, width and channels. None for a height or width that may
            differ from batch to batch.
        channels_first: Which of the two orders it is.
        at_least: Smallest height and width.
        multiple_of: What height and width must be divisible by.
        argument: Name of the argument, for the message.

    Raises:
        ConfigError: If it is not three sizes, or they do not fit.
    """
    pixels = input_size[1:] if channels_first else input_size[:2]
    known = [size for size in pixels if size is not None]
    if len(input_size) == 3 and all(size >= at_least and size % multiple_of == 0 for size in known):
        return
    order = "(channels, height, width)" if channels_first else "(height, width, channels)"
    rule = f"of at least {at_least} pixels each way"
    if multiple_of > 1:
        rule = f"with height and width multiples of {multiple_of}"
    fits = [max(at_least, multiple_of, round((size or at_least) / multiple_of) * multiple_of) for size in pixels]
    raise ConfigError(
        f"{name}({argument}) must be {order} {rule}, got {tuple(input_size)}; change the images, for example with "
        f"Resize({', '.join(map(str, fits))})"
    )


def blocks_per_group(depth: int) -> int:
    """How many blocks each of the three groups of a WideResidualNetwork has.

    Raises:
        ConfigError: If `depth` is none that can be built.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        near = 6 * max(1, round((depth - 4) / 6)) + 4
        raise ConfigError(
            f"WideResidualNetwork(depth) must be 6 * n + 4 for n blocks in each of three groups, that is 10, 16, 22, "
            f"28, ..., got {depth!r}; the nearest is {near}"
        )
    return blocks

"""ReadImage."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fastestimator_lite.op.numpyop.univariate import ReadImage
from fastestimator_lite.op.numpyop.univariate.read_image import jpeg_size
from fastestimator_lite.util.errors import ConfigError, DataError

STATE = {"mode": "train", "epoch": 1}


@pytest.fixture
def rgb():
    return np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, rgb):
    for ending in ("png", "bmp", "tiff", "ppm"):
        cv2.imwrite(str(tmp_path / f"colour.{ending}"), rgb[..., ::-1])
    cv2.imwrite(str(tmp_path / "colour.jpg"), rgb[..., ::-1])
    cv2.imwrite(str(tmp_path / "gray.png"), rgb[..., 0])
    cv2.imwrite(str(tmp_path / "deep.png"), rgb[..., 0].astype(np.uint16) * 200)
    (tmp_path / "text.png").write_text("hello, I am no image")
    (tmp_path / "empty.png").touch()
    return tmp_path


def read(folder, name, **arguments):
    return ReadImage("x", "x", parent_path=str(folder), **arguments).forward([name], STATE)[0]


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("flag", [{}, {"color_flag": "color"}, {"color_flag": cv2.IMREAD_COLOR}])
def test_colour_is_red_green_blue(folder, rgb, ending, flag):
    np.testing.assert_array_equal(read(folder, f"colour.{ending}", **flag), rgb)


def test_jpeg_is_red_green_blue(folder):
    expected = cv2.cvtColor(cv2.imread(str(folder / "colour.jpg")), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(read(folder, "colour.jpg"), expected)


@pytest.mark.parametrize("flag", ["gray", "grey", cv2.IMREAD_GRAYSCALE])
def test_gray_has_one_channel(folder, rgb, flag):
    np.testing.assert_array_equal(read(folder, "gray.png", color_flag=flag), rgb[..., :1])
    assert read(folder, "colour.png", color_flag=flag).shape == (8, 10, 1)


def test_gray_file_read_in_colour_has_three_equal_channels(folder, rgb):
    np.testing.assert_array_equal(read(folder, "gray.png"), np.repeat(rgb[..., :1], 3, axis=2))


def test_flags_that_leave_the_choice_to_the_file_keep_depth_and_order(folder, rgb):
    np.testing.assert_array_equal(read(folder, "colour.png", color_flag=cv2.IMREAD_UNCHANGED), rgb[..., ::-1])
    deep = read(folder, "deep.png", color_flag=cv2.IMREAD_UNCHANGED)
    assert deep.dtype == np.uint16
    np.testing.assert_array_equal(deep, rgb[..., :1].astype(np.uint16) * 200)


def test_reduced_colour_is_red_green_blue(folder):
    expected = cv2.imread(str(folder / "colour.png"), cv2.IMREAD_REDUCED_COLOR_2)[..., ::-1]
    result = read(folder, "colour.png", color_flag=cv2.IMREAD_REDUCED_COLOR_2)
    assert result.shape == (4, 5, 3)
    np.testing.assert_array_equal(result, expected)


def test_several_keys_paths_and_no_parent(folder, rgb):
    op = ReadImage(["a", "b"], ["a", "c"])
    colour, gray = op.forward([folder / "colour.png", str(folder / "gray.png")], STATE)
    np.testing.assert_array_equal(colour, rgb)
    assert gray.shape == (8, 10, 3)


def test_missing_file(folder):
    with pytest.raises(FileNotFoundError, match=r"'.*nowhere\.png' does not exist"):
        read(folder, "nowhere.png")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read(folder.parent, folder.name)


def test_file_that_is_no_image(folder):
    with pytest.raises(DataError, match=r"text\.png' exists but .* 20 bytes, starting with b'hello, I am"):
        read(folder, "text.png")
    with pytest.raises(DataError, match=r"0 bytes, starting with b''"):
        read(folder, "empty.png")


@pytest.mark.parametrize("flag", ["colour", "unchanged", None, True, 1.0])
def test_flag_is_checked(flag):
    with pytest.raises(ConfigError, match=r"color_flag"):
        ReadImage("x", "x", color_flag=flag)


def test_close_flag_is_suggested():
    with pytest.raises(ConfigError, match="Did you mean 'color'"):
        ReadImage("x", "x", color_flag="COLOR".title())


def test_as_many_outputs_as_inputs_are_needed():
    with pytest.raises(ConfigError, match="as many outputs as inputs"):
        ReadImage(["a", "b"], "c")


@pytest.fixture
def large(tmp_path):
    """A smooth picture of 400 x 600, so that shrinking it in two ways gives nearly the same."""
    y, x = np.mgrid[0:400, 0:600]
    pixels = np.stack([y * 255 / 400, x * 255 / 600, (x + y) * 255 / 1000], -1).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "large.jpg"), pixels[..., ::-1])
    cv2.imwrite(str(tmp_path / "large.png"), pixels[..., ::-1])
    return pixels


@pytest.mark.parametrize(
    ("at_least", "scale"),
    [((400, 600), 1), ((201, 100), 1), ((200, 100), 2), ((100, 100), 4), ((50, 50), 8), ((5, 5), 8)],
)
def test_a_jpeg_is_decoded_no_larger_than_needed(tmp_path, large, at_least, scale):
    image = read(tmp_path, "large.jpg", at_least=at_least)
    assert image.shape == (400 // scale, 600 // scale, 3)
    expected = cv2.resize(large, (600 // scale, 400 // scale), interpolation=cv2.INTER_AREA)
    assert np.abs(image.astype(int) - expected).mean() < 1.5
    gray = read(tmp_path, "large.jpg", at_least=at_least, color_flag="gray")
    assert gray.shape == (400 // scale, 600 // scale, 1)


def test_other_formats_are_decoded_in_full(tmp_path, large):
    np.testing.assert_array_equal(read(tmp_path, "large.png", at_least=(10, 10)), large)


def test_without_a_size_the_pixels_are_those_of_opencv(tmp_path, large):
    np.testing.assert_array_equal(read(tmp_path, "large.jpg"), cv2.imread(str(tmp_path / "large.jpg"))[..., ::-1])


@pytest.mark.parametrize("quality", [10, 95])
def test_the_size_of_a_jpeg_stands_in_its_header(tmp_path, quality):
    for height, width in ((1, 1), (17, 300), (300, 17)):
        path = tmp_path / "one.jpg"
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, int(quality > 50)]
        cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8), options)
        assert jpeg_size(path) == (height, width)
    path.write_bytes(path.read_bytes()[:20])
    assert jpeg_size(path) is None
    assert jpeg_size(tmp_path / "none.jpg") is None


@pytest.mark.parametrize("wrong", [5, (5,), (0, 5), (5.0, 5), "ab", (True, 2)])
def test_a_wrong_size_is_refused(wrong):
    with pytest.raises(ConfigError, match="at_least.*two ints >= 1"):
        ReadImage("x", "x", at_least=wrong)


def test_a_size_needs_a_flag_that_has_reduced_forms():
    with pytest.raises(ConfigError, match="goes with color_flag 'color' or 'gray', got color_flag=-1"):
        ReadImage("x", "x", color_flag=cv2.IMREAD_UNCHANGED, at_least=(5, 5))

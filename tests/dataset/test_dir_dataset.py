import os
from pathlib import Path

import pytest

from fastestimator_lite.dataset.dir_dataset import DirDataset
from fastestimator_lite.util.errors import ConfigError

FILES = ["b.txt", "a.png", ".hidden", "sub/c.txt", "sub/deep/e.png", ".cache/f.txt", "sub/.h/d.txt"]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / ".root" / "images"  # a hidden folder above the root does not matter
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def below(data, key="x"):
    return [Path(path).relative_to(data.root_dir).as_posix() for path in data[key]]


def test_files_are_sorted_and_hidden_ones_left_out(folder):
    data = DirDataset(folder)
    assert below(data) == ["a.png", "b.txt", "sub/c.txt", "sub/deep/e.png"]
    assert data[1] == {"x": f"{folder}{os.sep}b.txt"}
    assert data.root_dir == str(folder)
    assert data.columnar is True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"file_extension": ".txt"}, ["b.txt", "sub/c.txt"]),
        ({"file_extension": "txt"}, ["b.txt", "sub/c.txt"]),
        ({"file_extension": [".png", ".txt"]}, ["a.png", "b.txt", "sub/c.txt", "sub/deep/e.png"]),
        ({"file_extension": {".png"}}, ["a.png", "sub/deep/e.png"]),
        ({"recursive_search": False}, ["a.png", "b.txt"]),
        ({"recursive_search": False, "file_extension": ".png"}, ["a.png"]),
    ],
)
def test_files_are_chosen(arguments, expected, folder):
    assert below(DirDataset(folder, **arguments)) == expected


def test_paths_begin_as_the_root_was_given(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert DirDataset("images", "k")["k"][0] == "images/a.png"
    assert DirDataset("./images/")["x"][2].startswith("./images/")
    assert DirDataset("images/../images")[0]["x"].startswith("images/../images/")


def test_the_summary_and_a_split(folder):
    data = DirDataset(folder)
    assert str(data) == '{"num_instances": 4, "keys": {"x": {"num_unique_values": 4, "shape": [], "dtype": "str"}}}'
    part = data.split([0, 3])
    assert (below(part), below(data)) == (["a.png", "sub/deep/e.png"], ["b.txt", "sub/c.txt"])
    assert part.root_dir == data.root_dir


def test_no_files_and_no_folder(folder):
    with pytest.raises(
        ConfigError,
        match=r"no file whose name ends with '.zip' is in root_dir '.*images'; there is: '.cache', '.hidden', 'a.png'",
    ):
        DirDataset(folder, file_extension=".zip")
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError, match="DirDataset: no file is in root_dir .*; there is: nothing"):
        DirDataset(folder / "empty")
    with pytest.raises(ConfigError, match="root_dir must be an existing folder, got '.*nowhere'"):
        DirDataset(folder / "nowhere")

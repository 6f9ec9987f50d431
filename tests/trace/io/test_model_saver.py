import json
import tempfile

import pytest

from fastestimator_lite.backend.model import load_model
from fastestimator_lite.schedule.schedule import EpochScheduler
from fastestimator_lite.trace.io.model_saver import ModelSaver
from fastestimator_lite.util.data import Data
from fastestimator_lite.util.errors import ConfigError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def end_epochs(trace, system, *epochs):
    for system.epoch_idx in epochs:
        trace.on_epoch_end(Data())


def test_it_saves_what_can_be_loaded(tensor_framework, estimator, tmp_path, capsys, weights_of, fill):
    kept = []
    estimator(lambda model: kept.append(model) or ModelSaver(model, tmp_path / "new" / "dir"), epochs=2).fit()
    ending = {"torch": "pt", "tf": "h5"}[tensor_framework]
    assert names(tmp_path / "new" / "dir") == [f"m_epoch_1.{ending}", f"m_epoch_2.{ending}"]
    lines = [line for line in capsys.readouterr().out.splitlines() if "ModelSaver" in line]
    paths = [str(tmp_path / "new" / "dir" / f"m_epoch_{epoch}.{ending}") for epoch in (1, 2)]
    assert lines == [f"FastEstimator-ModelSaver: Saved model to {path}" for path in paths]
    final = weights_of(kept[0])
    fill(kept[0], 9)
    load_model(kept[0], paths[1])
    assert (weights_of(kept[0]) == final).all()
    load_model(kept[0], paths[0])
    assert (weights_of(kept[0]) != final).any()


def test_frequency_and_names(torch_model, system, placed, tmp_path):
    end_epochs(placed(ModelSaver(torch_model, tmp_path, frequency=2, weights_name="abc")), system, 1, 2, 3, 4)
    assert names(tmp_path) == ["abc_epoch_2.pt", "abc_epoch_4.pt"]


def test_it_keeps_the_last_and_removes_no_strangers(torch_model, system, placed, tmp_path, capsys):
    (tmp_path / "m_epoch_9.pt").write_text("mine")
    end_epochs(placed(ModelSaver(torch_model, tmp_path, max_to_keep=2)), system, 1, 2, 3, 4)
    assert names(tmp_path) == ["m_epoch_3.pt", "m_epoch_4.pt", "m_epoch_9.pt"]
    removed = [line for line in capsys.readouterr().out.splitlines() if "Removed" in line]
    paths = [f"{tmp_path}/m_epoch_{epoch}.pt" for epoch in (1, 2)]
    assert removed == [f"FastEstimator-ModelSaver: Removed model {path} (max_to_keep=2)" for path in paths]


def test_a_resumed_run_still_knows_its_files(torch_model, system, placed, tmp_path):
    before, after = (placed(ModelSaver(torch_model, tmp_path, max_to_keep=2)) for _ in range(2))
    end_epochs(before, system, 1, 2)
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    end_epochs(after, system, 3)
    assert names(tmp_path) == ["m_epoch_2.pt", "m_epoch_3.pt"]


def test_a_file_that_is_written_again_counts_once(torch_model, system, placed, tmp_path):
    trace = placed(ModelSaver(torch_model, tmp_path, max_to_keep=2))
    end_epochs(trace, system, 1, 2, 1, 2)
    assert names(tmp_path) == ["m_epoch_1.pt", "m_epoch_2.pt"]


def test_a_file_that_somebody_removed_is_no_error(torch_model, system, placed, tmp_path):
    trace = placed(ModelSaver(torch_model, tmp_path, max_to_keep=1))
    end_epochs(trace, system, 1)
    (tmp_path / "m_epoch_1.pt").unlink()
    end_epochs(trace, system, 2)
    assert names(tmp_path) == ["m_epoch_2.pt"]


def test_the_architecture_goes_with_its_weights(tensor_framework, build, system, placed, tmp_path):
    if tensor_framework == "torch":
        with pytest.raises(ConfigError, match=r"\(save_architecture\)=True is for Keras models, and 'm' is a torch"):
            ModelSaver(build(), tmp_path, save_architecture=True)
        return
    end_epochs(placed(ModelSaver(build(), tmp_path, max_to_keep=1, save_architecture=True)), system, 1, 2)
    assert names(tmp_path) == ["m_epoch_2.h5", "m_epoch_2.keras"]


def test_it_may_be_scheduled(torch_estimator, tmp_path):
    torch_estimator(lambda model: EpochScheduler({1: None, 2: ModelSaver(model, tmp_path)}), epochs=3).fit()
    assert names(tmp_path) == ["m_epoch_2.pt", "m_epoch_3.pt"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"frequency": 0},
        {"frequency": "1"},
        {"frequency": -1},
        {"frequency": 1.0},
        {"frequency": True},
        {"frequency": None},
        {"max_to_keep": 0},
        {"max_to_keep": -1},
        {"max_to_keep": "2"},
    ],
)
def test_counts_are_checked(torch_model, tmp_path, arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ConfigError, match=rf"ModelSaver\({name}\) must be an int >= 1.*got {value!r}"):
        ModelSaver(torch_model, tmp_path, **arguments)


def test_names_are_checked(torch_model, tmp_path):
    with pytest.raises(ConfigError, match="cannot be a file name"):
        ModelSaver(torch_model, tmp_path, weights_name="../out")


def test_a_folder_that_is_a_file_is_found_before_training(torch_estimator, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    run = torch_estimator(lambda model: ModelSaver(model, tmp_path / "taken"))
    with pytest.raises(ConfigError, match=r"ModelSaver\(save_dir\) must be a folder.*taken'.*it is a file"):
        run.fit()
    assert capsys.readouterr().out == ""


def test_a_folder_below_a_file_is_found_before_training(torch_model, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="taken/deep.*NotADirectoryError"):
        ModelSaver(torch_model, tmp_path / "taken" / "deep").check()


def test_a_folder_that_cannot_be_written_to_is_found_before_training(torch_model, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)  # whoever runs the tests may write anywhere
    with pytest.raises(ConfigError, match="PermissionError: Permission denied"):
        ModelSaver(torch_model, tmp_path).check()


def test_the_check_leaves_no_file(torch_model, tmp_path):
    ModelSaver(torch_model, tmp_path / "a" / "b").check()
    assert names(tmp_path / "a" / "b") == []

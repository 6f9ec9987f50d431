"""The MNIST examples, on small data that comes through the real download path."""

import importlib.util
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "apphub" / "image_classification" / "mnist"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "ending"), [("mnist_torch", "pt"), ("mnist_tf", "h5")])
def test_it_trains_saves_and_tests(served_mnist, tmp_path, capsys, name, ending):
    estimator = load(name).get_estimator(epochs=2, save_dir=str(tmp_path / "best"))
    estimator.fit()
    summary = estimator.test()
    lines = capsys.readouterr().out.splitlines()
    assert (
        f"FastEstimator-BestModelSaver: Saved model to {tmp_path / 'best'}/{estimator.network.models[0].model_name}_best_accuracy.{ending}"
        in lines
    )
    assert lines[-1].startswith("FastEstimator-Test: step: 40; epoch: 2; accuracy: ")
    assert (
        tmp_path / "best" / f"{estimator.network.models[0].model_name}_best_accuracy.{ending}"
    ).stat().st_size > 100_000
    assert float(summary.history["test"]["accuracy"][40]) > 0.5  # the bars are easy; guessing gets 0.1
    assert len(estimator.pipeline.data["test"][""]) == 32

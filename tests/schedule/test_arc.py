"""ARC: where its policy comes from, what it sees, and its LSTM against torch's."""

import json

import numpy as np
import pytest

from fastestimator_lite.schedule import ARC
from fastestimator_lite.schedule.lr_schedule import POLICY_VARIABLE
from fastestimator_lite.util.errors import ConfigError, DownloadError


def policy(seed=0, points=4, units=(5, 3)):
    rng = np.random.default_rng(seed)
    sizes = [3, *units]
    weights = {
        "points": np.int64(points),
        "dense_kernel": rng.normal(size=(units[-1], 3)),
        "dense_bias": rng.normal(size=3),
    }
    for place, (size, unit) in enumerate(zip(sizes, units, strict=False)):
        weights |= {
            f"lstm{place}_kernel": rng.normal(size=(size, 4 * unit)),
            f"lstm{place}_bias": rng.normal(size=4 * unit),
            f"lstm{place}_recurrent": rng.normal(size=(unit, 4 * unit)),
        }
    return weights


@pytest.fixture
def given(tmp_path, monkeypatch):
    def give(**weights):
        np.savez(tmp_path / "policy.npz", **weights)
        monkeypatch.setenv(POLICY_VARIABLE, str(tmp_path / "policy.npz"))

    return give


def test_the_stacked_lstm_is_that_of_torch(given):
    torch = pytest.importorskip("torch")
    weights = policy()
    given(**weights)
    x = np.random.default_rng(1).normal(size=(12, 3))
    hidden = torch.tensor(x)[None]
    for place in range(2):
        kernel, recurrent, bias = (
            torch.tensor(weights[f"lstm{place}_{part}"]) for part in ("kernel", "recurrent", "bias")
        )
        lstm = torch.nn.LSTM(kernel.shape[0], recurrent.shape[0], batch_first=True, dtype=torch.float64)
        with torch.no_grad():
            lstm.weight_ih_l0.copy_(kernel.T)
            lstm.weight_hh_l0.copy_(recurrent.T)
            lstm.bias_ih_l0.copy_(bias)
            lstm.bias_hh_l0.zero_()
            hidden, _ = lstm(hidden)
    expected = torch.softmax(
        hidden[0, -1] @ torch.tensor(weights["dense_kernel"]) + torch.tensor(weights["dense_bias"]), 0
    )
    np.testing.assert_allclose(ARC().lstm_stacked()(x), expected.numpy(), atol=1e-12)


@pytest.mark.parametrize(("bias", "multiplier"), [([9, 0, 0], 1.618), ([0, 9, 0], 1.0), ([0, 0, 9], 0.618)])
def test_the_largest_score_decides(given, bias, multiplier):
    given(**{**policy(), "dense_kernel": np.zeros((3, 3)), "dense_bias": np.array(bias)})
    assert ARC().predict_next_multiplier() == multiplier


def window(arc, train, evals, lrs):
    for loss in train:
        arc.accumulate_single_train_loss(loss)
    for loss in evals:
        arc.accumulate_single_eval_loss(loss)
    for lr in lrs:
        arc.accumulate_all_lrs(lr)
    arc.gather_multiple_train_losses()
    arc.gather_multiple_eval_losses()


def test_what_the_policy_sees(given):
    given(**policy(points=3))
    arc = ARC(2)
    arc.lstm_stacked()
    window(arc, [4.0, 2.0], [3.0], [0.2, 0.2])
    seen = arc._features()
    assert seen.shape == (9, 3)
    np.testing.assert_allclose(seen[:6], 0)
    np.testing.assert_allclose(seen[6:], [[1, 0, 1], [0.5, 0, 1], [0, 0, 1]])
    for number in range(3):
        window(arc, [2.0 - number, 1.0 - number], [2.0, 1.0], [0.1])
    np.testing.assert_allclose(
        arc._features()[:, 0], [1, 5 / 6, 2 / 3, 2 / 3, 1 / 2, 1 / 3, 1 / 3, 1 / 6, 0], atol=1e-12
    )


def test_state_goes_through_json(given):
    given(**policy())
    arc, other = ARC(), ARC()
    window(arc, [4.0, 2.0], [3.0], [0.2, 0.2])
    arc.accumulate_single_train_loss(np.float32(0.25))
    other.load_state_dict(json.loads(json.dumps(arc.state_dict())))
    for one in (arc, other):
        window(one, [1.0], [2.0], [0.1])
        one.lstm_stacked()
    np.testing.assert_array_equal(arc._features(), other._features())


def test_without_a_policy_it_says_what_to_do(monkeypatch):
    monkeypatch.delenv(POLICY_VARIABLE, raising=False)
    with pytest.raises(
        ConfigError, match="ARC needs the weights of its policy.*FASTESTIMATOR_LITE_ARC.*ReduceLROnPlateau"
    ):
        ARC().predict_next_multiplier()


def test_an_address_that_cannot_be_reached_is_a_download_error(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("fastestimator_lite.util.download.time.sleep", lambda seconds: None)
    monkeypatch.setenv(POLICY_VARIABLE, "http://127.0.0.1:9/policy.npz")
    with pytest.raises(DownloadError, match="policy.npz"):
        ARC().lstm_stacked()


def test_other_files_are_refused(given, monkeypatch, tmp_path):
    given(points=3, dense_bias=np.zeros(3))
    with pytest.raises(ConfigError, match="does not hold lstm0_kernel, lstm0_recurrent, lstm0_bias, dense_kernel"):
        ARC().lstm_stacked()
    (tmp_path / "text.npz").write_text("no archive")
    monkeypatch.setenv(POLICY_VARIABLE, str(tmp_path / "text.npz"))
    with pytest.raises(ConfigError, match="is not the .npz file that ARC needs"):
        ARC().lstm_stacked()


@pytest.mark.parametrize("frequency", [0, True, 1.5])
def test_the_frequency_is_checked(frequency):
    with pytest.raises(ConfigError, match=r"ARC\(frequency\) must be an int >= 1"):
        ARC(frequency)

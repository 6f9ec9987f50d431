"""ModelSaver: a model's weights every few epochs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from fastestimator_lite.backend.card import card_of
from fastestimator_lite.backend.model import save_model
from fastestimator_lite.trace.io._folder import check_architecture, check_count, check_folder
from fastestimator_lite.trace.trace import Trace
from fastestimator_lite.util.names import check_file_name

if TYPE_CHECKING:
    from fastestimator_lite.types import Model
    from fastestimator_lite.util.data import Data


class ModelSaver(Trace):
    """Save a model's weights at the end of training epochs, as `<name>_epoch_<n>.pt` (torch) or `.h5` (Keras).

    Args:
        model: A model from `fe.build`.
        save_dir: Folder, made if missing.
        frequency: After every how many epochs to save, >= 1.
        max_to_keep: How many files to keep, the newest; None for all. Only files that this run wrote are removed.
        weights_name: The name in the file names; None for the model's.
        save_architecture: Whether a Keras model is saved whole as well, to be loaded without its code.

    Raises:
        ConfigError: If an argument is not as described; at the start of training, if `save_dir` cannot be written to.
    """

    def __init__(
        self,
        model: Model,
        save_dir: str | os.PathLike[str],
        frequency: int = 1,
        max_to_keep: int | None = None,
        weights_name: str | None = None,
        save_architecture: bool = False,
    ) -> None:
        super().__init__(mode="train")
        check_count(frequency, "ModelSaver(frequency)")
        check_count(max_to_keep, "ModelSaver(max_to_keep)", optional=True)
        check_architecture(model, save_architecture, "ModelSaver(save_architecture)")
        self.model = model
        self.save_dir = os.path.normpath(save_dir)
        self.frequency = frequency
        self.max_to_keep = max_to_keep
        self.weights_name = check_file_name(weights_name or card_of(model).name)
        self.save_architecture = save_architecture
        self._written: list[str] = []

    def check(self) -> None:
        check_folder(self.save_dir, "ModelSaver(save_dir)")

    def on_epoch_end(self, data: Data) -> None:
        epoch = self.system.epoch_idx
        if epoch % self.frequency:
            return
        path = save_model(
            self.model, self.save_dir, f"{self.weights_name}_epoch_{epoch}", save_architecture=self.save_architecture
        )
        tqdm.write(f"FastEstimator-ModelSaver: Saved model to {path}")
        self._written = [*(known for known in self._written if known != path), path]
        while self.max_to_keep is not None and len(self._written) > self.max_to_keep:
            self._remove(self._written.pop(0))

    def _remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)
        if self.save_architecture:
            Path(path).with_suffix(".keras").unlink(missing_ok=True)
        tqdm.write(f"FastEstimator-ModelSaver: Removed model {path} (max_to_keep={self.max_to_keep})")

    def state_dict(self) -> dict[str, Any]:
        return {"written": list(self._written)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._written = list(state["written"])

"""The same VAEs as others train them: the usual DataLoader loop, pythae's BaseTrainer, Lightning's Trainer.

Each as its manual says, and with what it does by default but writing files: nothing is tuned, nothing is taken
away. A turn is an epoch over as many pictures as genframe sees in its turn. Imported in .venv-bench only.
"""

from __future__ import annotations

import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gan_peers
import nets
import torch
import torch.nn.functional as F
from pictures import pictures
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from turns import Turns


class Usual(nn.Module):
    """A VAE as tutorials write it: probabilities from the decoder, and their cross-entropy."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.net = nets.vae(model)

    def forward(self, x: Tensor) -> Tensor:
        """Minus the evidence lower bound per picture of x (batch, 1, 28, 28)."""
        mean, log_variance = self.net.encode(x)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        distortion = F.binary_cross_entropy(torch.sigmoid(self.net.decoder(z)), x, reduction="sum")
        rate = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        return (distortion + rate) / len(x)


def loader(turns: Turns, model: str, number: int, steps: int) -> None:
    """pytorch/examples/vae: a DataLoader over a TensorDataset, Adam, `.item()` at each step."""
    net = Usual(model)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    feed = DataLoader(TensorDataset(_data(model, steps)), batch_size=nets.BATCH[model], shuffle=True)
    turns.ready(_parameters(net))
    for _ in range(number):
        turns.wait()
        total = 0.0
        for (x,) in feed:
            optimizer.zero_grad()
            loss = net(x)
            loss.backward()
            total += loss.item()
            optimizer.step()
        turns.done(steps * nets.BATCH[model], total / steps)


def pythae(turns: Turns, model: str, number: int, steps: int) -> None:
    """The trainer's own epochs; what `train` does between them (copies, files, validation) is left out."""
    import pythae_models
    from pythae.data.datasets import BaseDataset

    whole = pythae_models.model(model)
    x = _data(model, steps)
    with tempfile.TemporaryDirectory() as folder:
        data = BaseDataset(x, torch.zeros(len(x)))
        trainer = pythae_models.trainer(model, whole, data, folder, number)
        trainer.prepare_training()
        turns.ready(_parameters(whole))
        for epoch in range(1, number + 1):
            turns.wait()
            loss = trainer.train_step(epoch)
            turns.done(steps * nets.BATCH[model], loss if isinstance(loss, float) else loss[0] / 2)


def pythae_tuned(turns: Turns, model: str, number: int, steps: int) -> None:
    """The same under the process settings that genframe makes for itself: what is left is the code's own."""
    tune()
    pythae(turns, model, number, steps)


def tune() -> None:
    """genframe's settings of the process, from its file: genframe itself is not installed here."""
    file = Path(__file__).parents[2] / "genframe" / "engine" / "process.py"
    runpy.run_path(str(file))["tune"]()


def lightning(turns: Turns, model: str, number: int, steps: int) -> None:
    """Trainer with its defaults of training: the loss logged by `self.log`; no bar, logger or checkpoint."""
    from lightning import Callback, LightningModule, Trainer

    class Module(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = Usual(model)

        def training_step(self, batch: list[Tensor], number: int) -> Tensor:
            loss: Tensor = self.net(batch[0])
            self.log("loss", loss, on_epoch=True)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    class Held(Callback):  # type: ignore[misc]
        def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
            turns.wait()

        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            turns.done(steps * nets.BATCH[model], float(trainer.callback_metrics["loss_epoch"]))

    module = Module()
    feed = DataLoader(TensorDataset(_data(model, steps)), batch_size=nets.BATCH[model], shuffle=True)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=number,
        callbacks=[Held()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    turns.ready(_parameters(module))
    trainer.fit(module, feed)


def _data(model: str, steps: int) -> Tensor:
    """(steps * batch, 1, 28, 28) in [0, 1]: as many pictures as a turn has."""
    return torch.from_numpy(pictures()[: steps * nets.BATCH[model]]).float().div(255)


def _parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


LOOPS: dict[str, Callable[[Turns, str, int, int], None]] = {
    "loader": loader,
    "pythae": pythae,
    "pythae-tuned": pythae_tuned,
    "lightning": lightning,
    **gan_peers.LOOPS,
}

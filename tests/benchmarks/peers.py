"""The same VAEs as others train them: the usual DataLoader loop, pythae's BaseTrainer, Lightning's Trainer.

Each as its manual says, and with what it does by default but writing files: nothing is tuned, nothing is taken
away. A turn is an epoch over as many pictures as genframe sees in its turn. Imported in .venv-bench only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

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
    """BaseTrainer's own epochs; what `train` does between them (copies, files, validation) is left out."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    net = nets.vae(model)

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = net.encoder

        def forward(self, x: Tensor) -> Any:
            mean, log_variance = self.net(x).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = net.decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=torch.sigmoid(self.net(z)))

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=nets.LATENTS[model], reconstruction_loss="bce")
    whole = VAE(config, encoder=Encoder(), decoder=Decoder())
    x = _data(model, steps)
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=nets.BATCH[model],
            learning_rate=1e-3,
            num_epochs=number,
            no_cuda=True,
        )
        trainer = BaseTrainer(
            whole, train_dataset=BaseDataset(x, torch.zeros(len(x))), training_config=settings
        )
        trainer.prepare_training()
        turns.ready(_parameters(whole))
        for epoch in range(1, number + 1):
            turns.wait()
            turns.done(steps * nets.BATCH[model], trainer.train_step(epoch))


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
    "lightning": lightning,
}

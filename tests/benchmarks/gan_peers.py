"""The DCGAN as torchgan's and mimicry's trainers train it. Imported in .venv-bench only.

Both packages import torchvision, which has no build for processors alone, and mimicry much else that its trainer
does without: those imports get stand-ins which do nothing. No picture and no scalar is written, no checkpoint
saved, and nothing printed: that favours the peers.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import nets
import torch
from pictures import pictures
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from turns import Turns

ABSENT = (
    "torchvision",
    "skimage",
    "torch.utils.tensorboard",
    "torch_mimicry.metrics",
    "torch_mimicry.datasets",
    "torchgan.metrics",
)
ADAM = {"lr": 2e-4, "betas": (0.5, 0.999)}


class Nothing:
    """Takes any call and any argument, and does nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


class Absent(ModuleType):
    """A module whose every name is `Nothing`."""

    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> type[Nothing]:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the packages of `ABSENT`, and all below them."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if any(name == root or name.startswith(f"{root}.") for root in ABSENT):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Absent:
        return Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None: ...


class Over(Exception):
    """The contest has had its turns."""


class Feed:
    """A DataLoader of pictures (batch, 1, 28, 28) in [0, 1] and labels: a turn is one pass over it."""

    batch_size = nets.BATCH["dcgan"]

    def __init__(self, turns: Turns, number: int, steps: int, loss: Callable[[], float]) -> None:
        self._turns, self._number, self._loss = turns, number, loss
        x = torch.from_numpy(pictures()[: steps * self.batch_size]).float().div(255)
        data = TensorDataset(x, torch.zeros(len(x), dtype=torch.long))
        self._loader = DataLoader(data, batch_size=self.batch_size, shuffle=True)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[list[Tensor]]:
        if self._number == 0:
            raise Over
        self._number -= 1
        self._turns.wait()
        yield from self._loader
        self._turns.done(len(self) * self.batch_size, self._loss())


def mimicry(turns: Turns, model: str, number: int, steps: int) -> None:
    """Trainer with its defaults: it prints after each step, and takes a new batch of fakes for each player."""
    sys.meta_path.insert(0, Finder())
    from torch_mimicry.nets.gan import gan
    from torch_mimicry.training import Trainer

    heard: list[Tensor] = []

    class Generator(gan.BaseGenerator):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(nz=nets.LATENTS["dcgan"], ngf=64, bottom_width=3, loss_type="ns")
            self.net = nets.generator()

        def forward(self, z: Tensor) -> Tensor:
            return self.net(z)  # type: ignore[no-any-return]

        def compute_gan_loss(self, output: Tensor) -> Tensor:
            return _heard(super().compute_gan_loss(output), heard)

    class Critic(gan.BaseDiscriminator):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(ndf=64, loss_type="ns")
            self.net = nets.critic()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)  # type: ignore[no-any-return]

        def compute_gan_loss(self, output_real: Tensor, output_fake: Tensor) -> Tensor:
            return _heard(super().compute_gan_loss(output_real, output_fake), heard)

    generator, critic = Generator(), Critic()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            netD=critic,
            netG=generator,
            optD=torch.optim.Adam(critic.parameters(), **ADAM),
            optG=torch.optim.Adam(generator.parameters(), **ADAM),
            dataloader=Feed(turns, number, steps, lambda: _mean(heard)),
            num_steps=steps * number + 1,  # the step too many finds the contest over
            log_dir=folder,
            device=torch.device("cpu"),
        )
        turns.ready(_parameters(generator, critic))
        _until_over(trainer.train)


def torchgan(turns: Turns, model: str, number: int, steps: int) -> None:
    """Trainer with its defaults, but for what it does after an epoch: it saves models and pictures."""
    sys.meta_path.insert(0, Finder())
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import Discriminator, Generator
    from torchgan.trainer import Trainer

    class Decoder(Generator):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(nets.LATENTS["dcgan"])
            self.net = nets.generator()

        def forward(self, z: Tensor) -> Tensor:
            return self.net(z)  # type: ignore[no-any-return]

    class Critic(Discriminator):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(input_dims=1)
            self.net = nets.critic()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x).squeeze(1)  # type: ignore[no-any-return]

    class Bare(Trainer):  # type: ignore[misc]
        def save_model(self, epoch: int, save_items: Any = None) -> None: ...

    heard: list[float] = []

    def loss() -> float:
        sums = trainer.loss_information["generator_losses"] + trainer.loss_information["discriminator_losses"]
        heard.append(sums)
        return (sums - (heard[-2] if len(heard) > 1 else 0.0)) / steps

    def player(net: type[nn.Module]) -> dict[str, Any]:
        return {"name": net, "optimizer": {"name": torch.optim.Adam, "args": ADAM}}

    with tempfile.TemporaryDirectory() as folder:
        trainer = Bare(
            {"generator": player(Decoder), "discriminator": player(Critic)},
            [MinimaxGeneratorLoss(nonsaturating=True), MinimaxDiscriminatorLoss()],
            device=torch.device("cpu"),
            epochs=number,
            checkpoints=f"{folder}/gan",
            recon=folder,
        )
        trainer.logger.run_end_epoch = lambda *arguments: None
        turns.ready(_parameters(trainer.generator, trainer.discriminator))
        _until_over(lambda: trainer(Feed(turns, number, steps, loss)))


def _heard(loss: Tensor, heard: list[Tensor]) -> Tensor:
    heard.append(loss.detach())
    return loss


def _mean(heard: list[Tensor]) -> float:
    """The mean over a turn of the sum of both players' losses; forgets them."""
    mean = 2 * float(torch.stack(heard).mean())
    heard.clear()
    return mean


def _until_over(train: Callable[[], object]) -> None:
    with contextlib.suppress(Over):
        train()


def _parameters(*players: nn.Module) -> int:
    return sum(p.numel() for player in players for p in player.parameters())


LOOPS: dict[str, Callable[[Turns, str, int, int], None]] = {"torchgan": torchgan, "mimicry": mimicry}

"""The nets of the benchmark's recipes, written out in plain torch: for the hand-written loops and the peers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DENOISERS = ("dae-mlp", "dae-conv", "hidden-noise", "gradient-noise", "weight-noise")
FAMILY = ("beta-vae", "iwae", "vamp", "iaf", "wae", "vq", "rae")
"""Beside the VAE: what pythae has too; the nets of `mlp`, those of `vq` apart."""
BATCH = {"mlp": 128, "conv": 128, "dcgan": 64, **dict.fromkeys((*DENOISERS, *FAMILY), 128)}
LATENTS = {"mlp": 20, "conv": 32, "dcgan": 64}


class Vae(nn.Module):
    """encoder: x (batch, 1, 28, 28) -> mean and log-variance side by side; decoder: z -> logits, the shape of x."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return mean, log_variance


def vae(model: str) -> Vae:
    return {"mlp": mlp, "conv": conv}[model]()


def mlp() -> Vae:
    latents = LATENTS["mlp"]
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 2 * latents))
    decoder = nn.Sequential(
        nn.Linear(latents, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))
    )
    return Vae(encoder, decoder)


def coded() -> tuple[nn.Sequential, nn.Sequential]:
    """The nets of `mlp` with a code in place of a law: encoder and decoder."""
    net, latents = mlp(), LATENTS["mlp"]
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, latents))
    return encoder, net.decoder  # type: ignore[return-value]


def quantised() -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and decoder of `vq`: vectors of 16 numbers at 7 x 7 places."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1),  # 28 -> 14
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, 2, 1),  # 14 -> 7
        nn.ReLU(),
        nn.Conv2d(32, 16, 1),
    )
    decoder = nn.Sequential(
        nn.Conv2d(16, 32, 3, 1, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 4, 2, 1),
    )
    return encoder, decoder


def conv() -> Vae:
    latents = LATENTS["conv"]
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1),  # 28 -> 14
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, 2, 1),  # 14 -> 7
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 2 * latents),
    )
    decoder = nn.Sequential(
        nn.Linear(latents, 128),
        nn.ReLU(),
        nn.Linear(128, 64 * 7 * 7),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
    )
    return Vae(encoder, decoder)


def denoiser(model: str) -> nn.Sequential:
    """Noisy pictures (batch, 1, 28, 28) -> logits of the clean ones."""
    if model == "dae-conv":
        return nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1),  # 28 -> 14
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, 2, 1),  # 14 -> 7
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, 1, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
        )
    first = [nn.Linear(784, 400), *([Grain(0.1)] if model == "hidden-noise" else []), nn.ReLU()]
    last = [nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))]
    return nn.Sequential(nn.Flatten(), *first, *last)


class Grain(nn.Module):
    """Gaussian noise in train mode."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, torch.randn_like(x), alpha=self.std) if self.training else x


def generator() -> nn.Sequential:
    """z (batch, 64) -> pictures (batch, 1, 28, 28) in [0, 1]."""
    return nn.Sequential(
        nn.Linear(LATENTS["dcgan"], 256),
        nn.ReLU(),
        nn.Linear(256, 256 * 3 * 3),
        nn.Unflatten(1, (256, 3, 3)),
        nn.ReLU(),
        nn.ConvTranspose2d(256, 128, 4, 2, 1, output_padding=1),  # 3 -> 7
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1),  # 7 -> 14
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1),  # 14 -> 28
        nn.Sigmoid(),
    )


def critic() -> nn.Sequential:
    """x (batch, 1, 28, 28) -> scores (batch, 1)."""
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1),  # 28 -> 14
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1),  # 14 -> 7
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 256, 4, 2, 1),  # 7 -> 3
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(256 * 3 * 3, 1),
    )

"""pythae's models with the nets of this folder's recipes, and the trainer that its own scripts give each.

Imported in .venv-bench only. Weights of losses are such that pythae minimises what the recipe does: it takes means over
a code's values where genframe sums, which changes nothing of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nets
import torch
from pythae import models
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import (
    BaseTrainer,
    BaseTrainerConfig,
    CoupledOptimizerTrainer,
    CoupledOptimizerTrainerConfig,
)
from torch import Tensor, nn

SHAPE = (1, 28, 28)


class Gaussian(BaseEncoder):  # type: ignore[misc]
    """Mean and log-variance, side by side in what `net` gives."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Any:
        mean, log_variance = self.net(x).chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Code(BaseEncoder):  # type: ignore[misc]
    """A code without a law."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Any:
        return ModelOutput(embedding=self.net(x))


class Decoder(BaseDecoder):  # type: ignore[misc]
    """`net` and what follows it: a sigmoid where pixels are probabilities or their means."""

    def __init__(self, net: nn.Module, last: Callable[[Tensor], Tensor] = torch.sigmoid) -> None:
        super().__init__()
        self.net, self.last = net, last

    def forward(self, z: Tensor) -> Any:
        return ModelOutput(reconstruction=self.last(self.net(z)))


def model(name: str) -> Any:
    """The model of a case, in train mode."""
    if name in ("mlp", "conv", "beta-vae", "iwae", "vamp", "iaf"):
        net = nets.vae("conv" if name == "conv" else "mlp")
        size = nets.LATENTS["conv" if name == "conv" else "mlp"]
        kind, config, options = {
            "beta-vae": (models.BetaVAE, models.BetaVAEConfig, {"beta": 4.0}),
            "iwae": (models.IWAE, models.IWAEConfig, {"number_samples": 10}),
            "vamp": (models.VAMP, models.VAMPConfig, {"number_components": 500}),
            "iaf": (
                models.VAE_IAF,
                models.VAE_IAF_Config,
                {"n_made_blocks": 2, "n_hidden_in_made": 2, "hidden_size": 128},
            ),
        }.get(name, (models.VAE, models.VAEConfig, {}))
        settings = config(input_dim=SHAPE, latent_dim=size, reconstruction_loss="bce", **options)
        return kind(settings, encoder=Gaussian(net.encoder), decoder=Decoder(net.decoder))
    if name == "vq":
        encoder, decoder = nets.quantised()
        # Its mean over 49 vectors of 16 numbers, as the sum over a picture; 0.25 of which is the recipe's.
        settings = models.VQVAEConfig(
            input_dim=SHAPE,
            latent_dim=16,
            num_embeddings=512,
            use_ema=True,
            commitment_loss_factor=0.25 * 16 * 49,
        )
        return models.VQVAE(settings, encoder=Code(encoder), decoder=Decoder(decoder, lambda x: x))
    encoder, decoder = nets.coded()
    shapes = {"input_dim": SHAPE, "latent_dim": nets.LATENTS["mlp"]}
    if name == "wae":
        return models.WAE_MMD(
            models.WAE_MMD_Config(**shapes, reg_weight=10.0), encoder=Code(encoder), decoder=Decoder(decoder)
        )
    settings = models.RAE_L2_Config(**shapes, embedding_weight=0.01, reg_weight=1e-3)
    return models.RAE_L2(settings, encoder=Code(encoder), decoder=Decoder(decoder))


def trainer(name: str, whole: Any, data: Any, folder: str, epochs: int) -> Any:
    """pythae's trainer of a model: RAE's decoder has an optimizer of its own, whose weight decay is the penalty."""
    settings: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": nets.BATCH[name],
        "num_epochs": epochs,
        "no_cuda": True,
    }
    if name != "rae":
        config = BaseTrainerConfig(**settings, learning_rate=1e-3)
        return BaseTrainer(whole, train_dataset=data, training_config=config)
    config = CoupledOptimizerTrainerConfig(
        **settings,
        encoder_learning_rate=1e-3,
        decoder_learning_rate=1e-3,
        decoder_optimizer_params={
            "weight_decay": 2e-3
        },  # half of whose square Adam adds; the recipe's is whole
    )
    return CoupledOptimizerTrainer(whole, train_dataset=data, training_config=config)

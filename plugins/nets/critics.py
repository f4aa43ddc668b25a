"""Discriminators. Unless a recipe asks for it none mixes examples: a gradient penalty is on each by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor, nn

from genframe import Count, Ge, NonNegative, Probability, Verdict

from .layers import ACTIVATIONS, Shapes, beside, draw_weights, flat, halved, joined, size
from .norms import normalisation
from .spectral import normalise_spectrally
from .verdicts import Score, deviation, trunk


class MLPDiscriminator(nn.Module):
    """x (batch, *in_shape)[, conditions (batch, ...)] -> score (batch,), features (batch, hidden[-1]).

    activation: `maxout` takes the largest of `pieces` linear functions (Goodfellow et al. 2013). dropout: shares of
    the input's and of each layer's values; the first GAN had maxout of 5 pieces, 0.2 and 0.5 (Goodfellow et al. 2014).
    `init_std` draws the weights from N(0, init_std^2) and sets the biases to zero. conditions: `beside` x, or
    `projected` onto the features (Miyato & Koyama 2018). minibatch_std: the size of groups whose deviation is a feature
    more (Karras et al. 2018), 0 for none. `spectral_norm` divides each weight by its largest singular value, followed
    by one step of power iteration for each move of the weight (Miyato et al. 2018).
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        hidden: tuple[Count, ...] = (128, 128),
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu", "maxout"] = "leaky_relu",
        pieces: Count = 5,
        dropout: tuple[Probability, Probability] = (0.0, 0.0),
        init_std: NonNegative | None = None,
        conditions: Literal["beside", "projected"] = "beside",
        minibatch_std: Annotated[int, Ge(0)] = 0,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        seen, projected = trunk(in_shape, conditions)
        at_input, at_layers = dropout
        layers: list[nn.Module] = [nn.Dropout(at_input)] if at_input else []
        fan_in = size(seen)
        for width in hidden:
            maxout = activation == "maxout"
            layers.append(nn.Linear(fan_in, width * pieces if maxout else width))
            layers.append(Maxout(pieces) if maxout else ACTIVATIONS[activation]())
            layers += [nn.Dropout(at_layers)] if at_layers else []
            fan_in = width
        self.net = nn.Sequential(*layers, *deviation(minibatch_std))
        self.last = Score(fan_in + bool(minibatch_std), projected)
        self.projected, self.batch_multiple = bool(projected), max(minibatch_std, 1)
        draw_weights(self, init_std)
        normalise_spectrally(self, spectral_norm)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(flat(x, () if self.projected else conditions))
        verdict: Verdict = self.last(features, conditions)
        return verdict


class Maxout(nn.Module):
    """(batch, units * pieces) -> (batch, units): of each unit's pieces the largest."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), -1, self.pieces).amax(2)


class ConvDiscriminator(nn.Module):
    """x (batch, channels, height, width)[, conditions] -> score (batch,), features (batch, d): the last map, flattened.

    Strided convolutions with a LeakyReLU of 0.2; `dcgan` is the same at its paper's settings. The first has no norm.
    conditions: `beside` x, or `projected` onto the features (Miyato & Koyama 2018). minibatch_std: the size of groups
    whose deviation is a channel more (Karras et al. 2018), 0 for none. `spectral_norm` as for `mlp`.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        width: Count = 32,
        depth: Count = 3,
        norm: Literal["none", "batch", "group", "layer", "instance"] = "none",
        init_std: NonNegative | None = None,
        conditions: Literal["beside", "projected"] = "beside",
        minibatch_std: Annotated[int, Ge(0)] = 0,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        seen, projected = trunk(in_shape, conditions)
        shape = joined(seen)
        height, breadth = halved(shape, depth, "the conv discriminator")
        self.net = nn.Sequential(*strided(shape[0], width, depth, norm), *deviation(minibatch_std))
        channels = (width << (depth - 1)) + bool(minibatch_std)
        self.last = Score(channels * height * breadth, projected)
        self.projected, self.batch_multiple = bool(projected), max(minibatch_std, 1)
        draw_weights(self, init_std)
        normalise_spectrally(self, spectral_norm)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(beside(x, () if self.projected else conditions)).flatten(1)
        verdict: Verdict = self.last(features, conditions)
        return verdict


class PatchDiscriminator(nn.Module):
    """x (batch, channels, height, width)[, conditions] -> score (batch, h, w), one a patch; features (batch, d).

    The features are the last map's mean over the picture. It judges texture rather than the whole, as pix2pix
    does (Isola et al. 2017): with depth 2 a score sees 18 pixels across.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        width: Count = 32,
        depth: Count = 2,
        norm: Literal["none", "batch", "group", "layer", "instance"] = "none",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        shape = joined(in_shape)
        halved(shape, depth, "the patch discriminator")
        self.net = nn.Sequential(*strided(shape[0], width, depth, norm))
        self.last = nn.Conv2d(width << (depth - 1), 1, 3, 1, 1)
        normalise_spectrally(self, spectral_norm)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(beside(x, conditions))
        return Verdict(self.last(features).squeeze(1), features.mean((2, 3)))


def strided(channels: int, width: int, depth: int, norm: str = "none") -> list[nn.Module]:
    """`depth` convolutions of kernel 4 and stride 2, `width` channels doubling, each with LeakyReLU, all but the
    first with the norm."""
    layers: list[nn.Module] = []
    for level in range(depth):
        norms = normalisation(norm, width << level) if level else []
        # Batch and instance norm take the mean away, and a bias with it.
        bias = not (norms and norm in ("batch", "instance"))
        layers += [nn.Conv2d(channels, width << level, 4, 2, 1, bias=bias), *norms, nn.LeakyReLU(0.2)]
        channels = width << level
    return layers

"""The generator and the discriminator of DCGAN, for pictures of any size."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor, nn

from genframe import Count, Ge, NonNegative, Shape, Verdict

from .critics import ConvDiscriminator
from .layers import Shapes, draw_weights, halved, halvings, inputs, joined
from .norms import Chain, normalisation
from .spectral import normalise_spectrally
from .upwards import condition_size, entrance, told_apart


class DCGANDecoder(nn.Module):
    """z (batch, *in_shape)[, conditions] -> (batch, *out_shape) exactly, whatever the size; no activation at the end.

    A projection to a small map, then `depth` transposed convolutions of kernel 4 and stride 2, down to `width`
    channels, each but the last with a norm and ReLU; weights of N(0, init_std^2) (Radford et al. 2016, section 3).
    Without `depth` the map is the last that is at least 4 high and wide: 4x4 for 32 and 64, 6x6 for 48, 7x7 for 28.

    norm: `conditional` is batch norm whose gains and shifts follow the conditions, which then stand nowhere else
    (`decoder(z, c)`; `decoder(z, z)` is Chen et al. 2019). Otherwise conditions stand beside z.
    """

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        *,
        width: Count = 64,
        depth: Count | None = None,
        norm: Literal["none", "batch", "group", "conditional"] = "batch",
        init_std: NonNegative | None = 0.02,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        depth = depth or halvings(out_shape, "the dcgan decoder")
        start = (width << (depth - 1), *halved(out_shape, depth, "the dcgan decoder"))
        told = condition_size(in_shape, norm)
        bias = norm in ("none", "group")  # batch norm takes the mean away, and a bias with it
        latent = inputs(in_shape)[0] if told else joined(in_shape)
        layers = [*entrance(latent, start, bias), *normalisation(norm, start[0], told), nn.ReLU()]
        for level in reversed(range(depth)):  # level 0 is the last, and gives the picture
            fan_in, fan_out = width << level, width << (level - 1) if level else out_shape[0]
            odd = ((out_shape[1] >> level) % 2, (out_shape[2] >> level) % 2)
            grown = nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1, output_padding=odd, bias=bias or not level)
            layers += [
                grown,
                *(normalisation(norm, fan_out, told) if level else ()),
                *[nn.ReLU()] * bool(level),
            ]
        self.net, self.told = Chain(layers), bool(told)
        draw_weights(self, init_std)
        normalise_spectrally(self, spectral_norm)

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.net(*told_apart(z, conditions, self.told))
        return out


class DCGANDiscriminator(ConvDiscriminator):
    """x (batch, channels, height, width)[, conditions] -> score (batch,), features (batch, d): the last map, flattened.

    `depth` convolutions of kernel 4 and stride 2 with LeakyReLU of 0.2 from `width` channels on, all but the first with
    a norm; weights of N(0, init_std^2) (Radford et al. 2016, section 3). Without `depth` the map is the last that is at
    least 4 high and wide. Batch norm is the paper's: no gradient penalty goes with it; `layer` or `none` do, or
    `spectral_norm`. Reals and fakes are normalised apart. Other options as for `conv`.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        width: Count = 64,
        depth: Count | None = None,
        norm: Literal["none", "batch", "group", "layer", "instance"] = "batch",
        init_std: NonNegative | None = 0.02,
        conditions: Literal["beside", "projected"] = "beside",
        minibatch_std: Annotated[int, Ge(0)] = 0,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(
            in_shape,
            width=width,
            depth=depth or halvings(inputs(in_shape)[0], "the dcgan discriminator"),
            norm=norm,
            init_std=init_std,
            conditions=conditions,
            minibatch_std=minibatch_std,
            spectral_norm=spectral_norm,
        )

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        return super().forward(x, *conditions)

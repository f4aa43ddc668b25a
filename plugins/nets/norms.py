"""What nets normalise their features by; one norm is told a condition."""

from __future__ import annotations

from torch import Tensor, nn


class ConditionalNorm(nn.Module):
    """Batch normalisation whose gain and shift are linear in a condition (de Vries et al. 2017, section 3.2).

    features (batch, channels[, height, width]), condition (batch, size) -> the features' shape. Of one-hot vectors
    each class has a gain and a shift of its own (Miyato & Koyama 2018, appendix). It begins with gains of 1 and
    shifts of 0, whatever the condition.
    """

    is_conditional = True

    def __init__(self, channels: int, size: int, pictures: bool = True) -> None:
        super().__init__()
        self.norm = (nn.BatchNorm2d if pictures else nn.BatchNorm1d)(channels, affine=False)
        self.told = nn.Linear(size, 2 * channels)
        nn.init.zeros_(self.told.weight)
        nn.init.zeros_(self.told.bias)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        gain, shift = self.told(condition).chunk(2, 1)  # (batch, channels) each
        if features.ndim == 4:
            gain, shift = gain[:, :, None, None], shift[:, :, None, None]
        out: Tensor = self.norm(features) * (1 + gain) + shift
        return out


class Chain(nn.ModuleList):
    """Modules one after the other; those that are conditional get the condition (batch, size) too."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x, condition) if getattr(layer, "is_conditional", False) else layer(x)
        return x


def normalisation(name: str, channels: int, size: int = 0, pictures: bool = True) -> list[nn.Module]:
    """No layer, or one, for so many channels; `conditional` is told a condition of `size` numbers.

    `group` has the most groups, at most 8, that divide `channels`; `layer` one; `instance` one a channel.
    """
    if name == "batch":
        return [(nn.BatchNorm2d if pictures else nn.BatchNorm1d)(channels)]
    if name == "group":
        return [nn.GroupNorm(next(groups for groups in range(8, 0, -1) if channels % groups == 0), channels)]
    if name == "layer":
        return [nn.GroupNorm(1, channels)]
    if name == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    if name == "conditional":
        return [ConditionalNorm(channels, size, pictures)]
    return []

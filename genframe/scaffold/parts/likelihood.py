"""A likelihood that knows how sure it is of each value."""

from __future__ import annotations

from genframe import DiagonalGaussian, Positive, Shape
from torch import Tensor, nn
from torch.nn import functional as F


class MyLikelihood(nn.Module):
    """features (..., *takes(data_shape)) -> p(x|z): a Gaussian for each value, with a mean and a std of its own.

    The Gaussian decoder of Kingma & Welling (2014, appendix C.2). The first half of the channels (of a vector, of
    its entries) are the means; the second becomes the standard deviations, `floor` + softplus. Without a floor a
    pixel that never changes is worth any density; 0.02 are five grey levels of 256.
    """

    def __init__(self, data_shape: Shape, *, floor: Positive = 0.02) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        self.floor = floor

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`, which a decoder makes: twice the channels."""
        return (2 * data_shape[0], *data_shape[1:])

    def forward(self, features: Tensor) -> DiagonalGaussian:
        mean, raw = features.float().chunk(2, -self.event_ndim)  # (..., *data_shape) each
        return DiagonalGaussian(mean, self.floor + F.softplus(raw), event_ndim=self.event_ndim)

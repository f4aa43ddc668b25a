"""The Gaussian likelihood whose decoder says how sure it is of each value."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from genframe import DiagonalGaussian, Positive, Shape


class GaussianPerValueLikelihood(nn.Module):
    """features (..., *takes(data_shape)) -> p(x|z): a Gaussian for each value, with a mean and a sigma of its own.

    The Gaussian decoder of Kingma & Welling (2014, appendix C.2). The first half of the channels (of a vector, of its
    entries) are the means; the second become sigma = `floor` + softplus(...). Without a floor a value that the
    decoder knows exactly, such as a black border, is worth any density (Goodfellow et al. 2016, section 20.14), and
    the gradient of one such pixel drowns all others. The default, 0.02, are five grey levels of 256.
    """

    def __init__(self, data_shape: Shape, *, floor: Positive = 0.02) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        self.floor = floor

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: twice the channels."""
        return (2 * data_shape[0], *data_shape[1:])

    def forward(self, features: Tensor) -> DiagonalGaussian:
        mean, raw = features.float().chunk(2, -self.event_ndim)  # (..., *data_shape) each
        return DiagonalGaussian(mean, self.floor + F.softplus(raw), event_ndim=self.event_ndim)

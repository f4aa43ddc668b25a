"""A likelihood of labels: with it, a net is a classifier, and `nll(y, p_y)` its cross-entropy."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Categorical

from genframe import Shape


class CategoricalLikelihood(nn.Module):
    """logits (..., classes) -> p(y|x), a Categorical over int64 labels (...).

    It is a law of the labels, whatever the shape of the data: a decoder before it gives a logit for each class.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features: a logit for each class."""
        return (self.classes,)

    def forward(self, logits: Tensor) -> Categorical:
        return Categorical(logits=logits.float(), validate_args=False)

"""A model about which everything is known: data that a linear map makes of Gaussian codes, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from genframe.values import Shape

_ROOT = torch.tensor([[0.6, 0.0], [1.2, 0.3]])
_MAP = torch.tensor([[1.0, 0.5], [-0.4, 2.0]])
_SHIFT = torch.tensor([3.0, -1.0])


@dataclass(frozen=True)
class LinearModel:
    """x = W z + b, with z ~ N(0, I) in two dimensions; the codes of its data may have another law.

    fitting: whether the model's prior is the law of the data's codes. Where it is not, they are N(m, R R^T), which
    is what ex-post density estimation is for. W is invertible, so that encode and decode lose nothing.
    shape: of one example, two values in all.
    """

    fitting: bool = True
    shape: Shape = (2,)
    examples: int = 10_000
    code_mean: Tensor = field(init=False, repr=False)
    code_root: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "code_mean", torch.zeros(2) if self.fitting else torch.tensor([1.5, -1.0]))
        object.__setattr__(self, "code_root", torch.eye(2) if self.fitting else _ROOT)

    def outputs(self) -> dict[str, Callable[..., Any]]:
        """The model's outputs by their public names."""
        return {
            "encode": self.encode,
            "draw_code": self.encode,
            "decode": self.decode,
            "reconstruct": lambda x: self.decode(self.encode(x)),
            "sample": lambda n: self.decode(torch.randn(n, 2)),
            "transition": self.transition,
        }

    def encode(self, x: Tensor) -> Tensor:
        """x (batch, *shape) -> the one code z (batch, 2) that it was made of."""
        flat = x.flatten(1)
        if flat.shape[1] != 2:
            raise ValueError(
                f"encode takes x (batch, {', '.join(map(str, self.shape))}), not {tuple(x.shape)}"
            )
        codes: Tensor = (flat - _SHIFT) @ torch.linalg.inv(_MAP).T
        return codes

    def decode(self, z: Tensor) -> Tensor:
        """z (batch, 2) -> x (batch, *shape)."""
        if z.ndim != 2 or z.shape[1] != 2:
            raise ValueError(f"decode takes z (batch, 2), not {tuple(z.shape)}")
        return (z @ _MAP.T + _SHIFT).reshape(-1, *self.shape)

    def transition(self, x: Tensor) -> Distribution:
        """x (batch, *shape) -> p(x'|x) of a chain whose stationary law is the model's: half of x, and a fresh draw."""
        return MultivariateNormal(0.5 * (x + _SHIFT), 0.75 * _MAP @ _MAP.T)  # the shape's last dimension is 2

    @property
    def mean(self) -> Tensor:
        """Of the data, (2,)."""
        return _MAP @ self.code_mean + _SHIFT

    @property
    def covariance(self) -> Tensor:
        """Of the data, (2, 2)."""
        root = _MAP @ self.code_root
        return root @ root.T

    def data(self) -> Split:
        """Independent examples, the same at each call."""
        generator = torch.Generator().manual_seed(20)
        z = torch.randn(self.examples, 2, generator=generator) @ self.code_root.T + self.code_mean
        return Split({"x": self.decode(z), "index": torch.arange(self.examples)})


@dataclass(frozen=True)
class Split:
    """Data as metrics and samplers are handed them: `len`, `batches`, `first`, `tensors`, `name`."""

    tensors: dict[str, Tensor]
    name: str = "train"

    def __len__(self) -> int:
        return len(self.tensors["index"])

    def first(self, n: int) -> dict[str, Tensor]:
        """The wires of the first n examples."""
        return {name: tensor[:n] for name, tensor in self.tensors.items()}

    def batches(self, batch_size: int) -> Iterator[dict[str, Any]]:
        """The wires of all examples in order."""
        for start in range(0, len(self), batch_size):
            yield {name: tensor[start : start + batch_size] for name, tensor in self.tensors.items()}

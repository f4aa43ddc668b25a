"""What a noise promises: its level is what it says, and each example has its own draw."""

from __future__ import annotations

import torch

from genframe.testing.kit import Failure, check
from genframe.testing.subject import Subject
from genframe.testing.toys import Toys


@check("noise")
def identity_at_level_zero(subject: Subject) -> None:
    """At level zero a noise changes nothing."""
    for case in subject.cases:
        x = Toys(case).x
        noised, _ = subject.build(case)(x, level=0.0)
        if not torch.equal(noised, x):
            largest = float((noised - x).abs().max())
            raise Failure(
                f"noise(x, level=0) is x, bit for bit, for {case}",
                came=f"a difference of up to {largest:.3g}",
                hint="apply(x, level) must scale what it adds by the level",
            )

"""What a likelihood promises besides its law: what features it takes, and that its mean is what it is trained to."""

from __future__ import annotations

import torch

from genframe.testing.checks.moments import offered
from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.laws import Law
from genframe.testing.specimens import SMALL, TINY, Specimen, ask, specimens
from genframe.testing.subject import Subject

STEPS, RATE = 60, 0.1


@check("likelihood")
def takes_says_what_forward_accepts(subject: Subject) -> None:
    """Features of the shape takes(data_shape) give a law over data_shape, for vectors and for pictures of odd sizes."""
    reason = None
    asked = False
    for case in subject.cases:
        try:
            part = subject.build(case)
        except NotApplicable:
            raise
        except (
            Exception
        ) as error:  # it need not take every sort of data; that it is built at all is another check's
            reason = error
            continue
        shape = part.takes(case.data_shape)
        asked = True
        sound = isinstance(shape, tuple) and all(type(n) is int and n > 0 for n in shape)
        if not sound:
            raise Failure(
                f"takes({case.data_shape}) of {subject.name} is a tuple of positive ints", came=repr(shape)
            )
        found = part(torch.zeros(2, *shape), *subject.arguments(case, batch=2)[1:])
        event, batch = tuple(found.event_shape), tuple(found.batch_shape)
        due = subject.event(case)
        if (batch, event) != ((2,), due):
            raise Failure(
                f"{subject.name} of features (2, *{shape}) is a law of batch (2,) over {due}",
                came=f"batch {batch}, event {event}",
                hint="takes(data_shape) and forward must agree: channels first, (channels, height, width)",
            )
    if not asked:
        raise NotApplicable(f"it could be built for no case: {reason}")


@check("likelihood")
def training_moves_the_mean_to_the_data(subject: Subject) -> None:
    """Following the gradient of log_prob(x) in the features makes x more probable, and brings the mean to x."""
    ask(specimens(subject, (TINY[1], SMALL[0])), _moves)


def _moves(specimen: Specimen) -> None:
    law = specimen.law
    if law.sort == "constant" or not law.answers:
        raise NotApplicable(f"{law.label} has no density")
    far = -3 * specimen.features.roll(1, 0) + 1
    x = specimen.distribution(far).sample()
    features = specimen.features.clone().requires_grad_()
    before = specimen.distribution(specimen.features)
    optimizer = torch.optim.Adam([features], RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        score = specimen.distribution(features).log_prob(x).sum()
        if not score.requires_grad:
            raise Failure(
                f"log_prob of {law.label} carries a gradient to the features", came="none: a detach?"
            )
        features.grad = -torch.autograd.grad(score, features)[0]
        optimizer.step()
    after = specimen.distribution(features)
    gains = [float(d.log_prob(x).detach().double().sum()) for d in (before, after)]
    if not gains[1] > gains[0]:
        raise Failure(
            f"{STEPS} steps of Adam along the gradient of log_prob raise log_prob(x) of {law.label}",
            came=f"{gains[0]:.3f} before, {gains[1]:.3f} after",
            hint="a wrong sign, or a gradient that is not the value's",
        )
    _nearer(Law(before, law.label), Law(after, law.label), x.reshape(law.rows, law.size).double())


def _nearer(before: Law, after: Law, x: torch.Tensor) -> None:
    means = [offered(law, "mean") for law in (before, after)]
    if means[0] is None or means[1] is None or not bool(torch.isfinite(torch.stack(means)).all()):  # type: ignore[arg-type]
        return
    distances = [float((mean - x).square().sum().sqrt()) for mean in means if mean is not None]
    if distances[0] > 1e-3 and not distances[1] < distances[0]:
        raise Failure(
            f"making x more probable brings the mean of {before.label} nearer to x",
            came=f"a distance of {distances[0]:.3f} before, {distances[1]:.3f} after",
            hint="mean is not that of the law which log_prob describes: it is what pictures are drawn from",
        )


@check("likelihood")
def mean_is_in_the_range_of_the_data(subject: Subject) -> None:
    """Where all samples lie in [0, 1], as pictures do, so does the mean, which is what pictures are drawn from."""
    ask(specimens(subject, ((2,), SMALL[0])), _in_range)


def _in_range(specimen: Specimen) -> None:
    law = specimen.law
    mean, drawn = offered(law, "mean"), law.draw(1000)
    if mean is None:
        raise NotApplicable(f"{law.label} offers no mean: the pipeline `vae` draws its pictures from it")
    low, high = float(drawn.min()), float(drawn.max())
    if low < 0 or high > 1:
        raise NotApplicable(
            f"samples of {law.label} reach from {low:.3g} to {high:.3g}: no law of pictures in [0, 1]"
        )
    if not bool(((mean >= 0) & (mean <= 1)).all()):
        raise Failure(
            f"the mean of {law.label} lies in [0, 1], as its samples do",
            came=f"{float(mean.min()):.3g} to {float(mean.max()):.3g}",
            hint="logits for probabilities?",
        )

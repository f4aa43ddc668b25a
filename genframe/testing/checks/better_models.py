"""A loss is lower for a better model: what "better" means is told by the wires that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from genframe.testing.kit import Failure, NotApplicable, check
from genframe.testing.sides import judged, scored, sides
from genframe.testing.subject import Subject
from genframe.testing.terms import Term, terms, total
from genframe.testing.toys import WIRES, Toys


@check("loss")
def lower_for_a_better_model(subject: Subject) -> None:
    """A loss is lower for a better model.

    Told by the wires: x and p_x, y and p_y, code and q_code (what is observed is more probable), q_z or z and p_z
    (a posterior far from the prior costs no less than the prior itself), verdicts (a critic's loss falls when real
    scores rise above fake ones, a generator's when fake scores rise), a discriminator that is called (a penalty is
    lower for a flat one), and two tensors of one shape (zero difference is the least). A loss whose value is a
    `Terms(surrogate=True)` is not asked. Scores are constant, so that nothing but the loss draws.
    """
    found = [term for term in terms(subject) if not term.surrogate()]
    asked = [rule(term) for term in found for rule in RULES]
    if not any(asked):
        raise NotApplicable("from its wires the kit can't tell which model is better")


PAIRS = (
    ("x", "p_x", "p_x", "p_logits"),
    ("x", "observe", "p_x", "p_logits"),
    ("y", "p_y", "p_y", "y_logits"),
    ("code", "q_code", "q_code", "code_mean"),
)
"""What is observed, the wire that foretells it, the toy that makes its leaf, and that leaf."""


def _observed(term: Term) -> bool:
    """A distribution that gives what is observed a higher probability costs less."""
    asked = False
    for observed, wire, toy, leaf in PAIRS:
        if {observed, wire} <= set(term.entry.parameters):
            better, worse = (_mean(term, _with_leaf(term, toy, leaf, quality)) for quality in (0.9, 0.1))
            asked = True
            if not better < worse:
                raise Failure(
                    f"{term} is lower where {wire} gives {observed} a higher probability",
                    came=f"{better:.6g} for the better model, {worse:.6g} for the worse one",
                    hint="a wrong sign: a loss has minus the log-likelihood",
                )
    return asked


def _posterior(term: Term) -> bool:
    """A posterior whose means are 20 standard deviations from the prior's costs no less than the prior.

    All examples have the same means, so that what rewards codes that differ is the same for both.
    """
    names = set(term.entry.parameters)
    if "p_z" not in names or not names & {"q_z", "z"}:
        return False
    near, far = (_mean(term, _with_posterior(term, distance)) for distance in (0.0, 20.0))
    if far < near - 1e-3 * abs(near):
        raise Failure(
            f"{term} is no lower for a posterior far from the prior than for the prior itself",
            came=f"{far:.6g} with means 20 standard deviations away, {near:.6g} at the prior",
            hint="a wrong sign: KL(q || p) is added, log p(z) - log q(z) is subtracted",
        )
    return True


def _verdicts(term: Term) -> bool:
    """A critic's loss falls as it tells real from fake, a generator's as fake scores rise."""
    found = sides(term.entry)
    told, fooled = judged(term, 1.0), judged(term, -1.0)
    if found == {"real", "fake"}:
        return _require_game(term, told, fooled)
    if not found or _same(told, fooled):
        return False
    if found == {"fake"} and "critic" not in term.entry.name and not told > fooled:
        raise Failure(
            f"{term}, a generator's loss, is lower where the critic takes fakes for real",
            came=f"{fooled:.6g} for fake scores of 2, {told:.6g} for -2",
            hint="a wrong sign: scores are logits, high for real",
        )
    return True


def _require_game(term: Term, told: float, fooled: float) -> bool:
    """The two verdicts pull in opposite directions; `critic` and `generator` say in which."""
    name = term.entry.name
    real, fake = scored(term, 2, 0) - scored(term, -2, 0), scored(term, 0, 2) - scored(term, 0, -2)
    came = (
        f"{told:.6g} for real scores of 2 and fake ones of -2, {fooled:.6g} the other way round; real scores "
        f"change it by {real:.4g}, fake ones by {fake:.4g}"
    )
    if _same(told, fooled) and (_same(real, 0) or _same(fake, 0)):
        return False  # it takes features alone, or is as high for scores of -2 as for 2
    if "generator" in name and not fooled < told:
        raise Failure(f"{term} is lower where fakes score above real data", came=came, hint=_SIGN)
    if "critic" in name and not told < fooled:
        raise Failure(f"{term} is lower where real data score above fakes", came=came, hint=_SIGN)
    if real * fake > 0 and not (_same(real, 0) or _same(fake, 0)):
        raise Failure(
            f"real and fake scores change {term} in opposite directions: a critic raises the one and lowers the other",
            came=came,
            hint=_SIGN,
        )
    return True


_SIGN = "a wrong sign on one of the verdicts: scores are logits, high for real"


def _penalty(term: Term) -> bool:
    """A penalty on a discriminator that is called is lower for a flat one than for a steep one.

    A penalty is told by this: neither adding a number to every score nor mirroring the scores changes it.
    """
    if not any(_is_critic(term, name) for name in term.entry.parameters):
        return False
    plain, raised, mirrored, flat, steep = (
        _mean(term, _with_critic(term, *change)) for change in ((1, 0), (1, 3), (-1, 0), (0, 0), (1000, 0))
    )
    if not _same(plain, raised) or not _same(plain, mirrored) or _same(flat, steep):
        return False
    if not flat < steep:
        raise Failure(
            f"{term} is lower for a discriminator that is flat than for one that is steep",
            came=f"{flat:.6g} where it is constant, {steep:.6g} where it is 1000 times steeper",
            hint="a wrong sign: a penalty is added to what the critic minimises",
        )
    return True


def _difference(term: Term) -> bool:
    """Of two tensors of one shape: equal ones cost least, and no difference lowers the loss without bound."""
    names, annotations = term.entry.parameters, term.entry.annotations
    known = (set(WIRES) - {"x", "x_noised", "restored"}) & set(names)
    tensors = all(str(annotations.get(name)).endswith(("Tensor", "Tensor'>")) for name in names)
    if len(names) != 2 or known or not tensors or any(map(_named_side, names)):
        return False
    a = torch.rand(4, *term.case.data_shape)
    away = torch.rand(4, *term.case.data_shape)
    equal, opposite, above, below = (_of_pair(term, a, b) for b in (a, -a, a + 1000 * away, a - 1000 * away))
    lowest = min((value for value in (above, below) if value is not None), default=None)
    if equal is None or lowest is None or opposite is None:
        return False
    if abs(equal) < 1e-6 and lowest < -1:
        raise Failure(
            f"{term} is least where {names[0]} and {names[1]} are equal, and can't fall without bound",
            came=f"{lowest:.6g} for tensors that are some 1000 apart, {equal:.3g} for equal ones",
            hint="a wrong sign, or a missing abs() or square()",
        )
    if abs(equal) > 1e-3 and abs(opposite) < 1e-6:
        raise Failure(
            f"{term} is zero where {names[0]} and {names[1]} are equal",
            came=f"{equal:.6g} there, and {opposite:.3g} where {names[1]} = -{names[0]}",
            hint="a sum in place of a difference?",
        )
    return True


RULES: Sequence[Callable[[Term], bool]] = (_observed, _posterior, _verdicts, _penalty, _difference)
"""What a better model is, each by some wires; a rule says whether it had anything to ask."""


def _same(one: float, other: float) -> bool:
    """Whether two values are equal but for rounding."""
    return abs(one - other) <= 1e-5 * (1 + abs(one))


def _mean(term: Term, toys: Toys) -> float:
    """The value, averaged over some draws where it draws."""
    return float(term.means(toys, 4).mean()) if term.draws() else term.mean(toys)


def _with_leaf(term: Term, toy: str, leaf: str, quality: float) -> Toys:
    """Half-trained toys, of which one leaf is that of toys of another quality."""
    other = term.toys(quality=quality)
    getattr(other, toy)
    return term.toys(leaves={leaf: other.leaves[leaf]})


def _with_posterior(term: Term, distance: float) -> Toys:
    """Sixteen examples with one posterior of standard deviation 1, whose means sum to zero over pairs of latents."""
    size = torch.Size(term.case.latent_shape)
    signs = 1 - 2 * (torch.arange(size.numel()) % 2).float().reshape(size)
    mean = (distance * signs).expand(16, *size)
    leaves = {"q_mean": nn.Parameter(mean.clone()), "q_log_std": nn.Parameter(torch.zeros_like(mean))}
    return term.toys(batch=16, leaves=leaves)


def _is_critic(term: Term, name: str) -> bool:
    return name == "discriminator" or "Callable[[Tensor], Verdict]" in str(term.entry.annotations.get(name))


def _with_critic(term: Term, steepness: float, bias: float) -> Toys:
    toys = term.toys()
    critic = toys.discriminator
    with torch.no_grad():
        critic.get_parameter("last.weight").mul_(steepness)
        critic.get_parameter("last.bias").add_(bias)
    return toys


def _named_side(name: str) -> bool:
    return "real" in name or "fake" in name


def _of_pair(term: Term, a: Tensor, b: Tensor) -> float | None:
    """The loss of two tensors; None where it refuses such values, or gives none."""

    part = term.subject.build(term.case)
    try:
        value = total(term.subject.call(part, (a, b), entry=term.entry.name)).mean()
    except (RuntimeError, ValueError):
        return None
    return float(value) if bool(value.isfinite()) else None

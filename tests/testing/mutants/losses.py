"""Bugs in losses."""

from . import Mutant

_RATE = "return Terms(distortion + (penalty if beta == 1.0 else beta * penalty), logged)"
_CRITIC = "total = F.softplus(-real_verdict.score).mean() + F.softplus(fake_verdict.score).mean()"
_HINGE = "total = F.relu(1 - real_verdict.score).mean() + F.relu(1 + fake_verdict.score).mean()"
_R1 = "return 0.5 * gamma * slope(discriminator, x)[1]"
_NORM = "gradient.flatten(1).square().sum(1)"
_REDUCED = "return loss.flatten(0, -2).mean(0) if loss.ndim > 1 else loss"


def _elbo(old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", "elbo", "vae", "losses/elbo.py", old, new, says)


def _nll(old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", "nll", "dae", "nll.py", old, new, says)


def _pair(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", name, "dae", "distances.py", old, new, says)


def _game(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", name, "gan", f"losses/{name}.py", old, new, says)


def _r1(old: str, new: str, says: str, file: str = "r1") -> Mutant:
    return Mutant("loss", "r1", "gan", f"losses/{file}.py", old, new, says)


MUTANTS = [
    _elbo(_RATE, _RATE.replace("distortion +", "distortion -"), "far from the prior"),
    _elbo(_RATE, _RATE.replace("beta * penalty", "penalty"), "option 'beta' changes the loss"),
    _elbo(
        _RATE,
        _RATE.replace("(penalty if", "(penalty.detach() if"),
        "with respect to q_mean is that of its value",
    ),
    _elbo("_per_example(-p_x.log_prob(x))", "_per_example(p_x.log_prob(x))", "a higher probability"),
    _elbo("_per_example(-p_x.log_prob(x))", "_per_example(-p_x.log_prob(x).detach())", "is a part detached"),
    _elbo("value.flatten(0, -2).mean(0)", "value.flatten(0, -2).sum(0)", "copies of one sample"),
    _elbo(
        "value.flatten(0, -2).mean(0) if value.ndim > 1 else value", "value", "it reduces over the samples"
    ),
    _nll(
        "loss: Tensor = -p_x.log_prob(x)", "loss: Tensor = -p_x.log_prob(x).sum(-1)", "summed over the batch"
    ),
    _nll("loss: Tensor = -p_x.log_prob(x)", "loss: Tensor = -p_x.log_prob(x.flip(0))", "permuted alike"),
    _nll(
        "loss: Tensor = -p_x.log_prob(x)",
        "loss: Tensor = -p_x.log_prob(x.clamp_(0, 0.5))",
        "leaves x as it was",
    ),
    _nll(_REDUCED, _REDUCED.replace("mean", "logsumexp"), "copies of one sample"),
    _pair("l1", "_difference(a, b).abs().mean()", "_difference(a, b).abs().sum()", "summed over the batch"),
    _pair(
        "l1",
        "_difference(a, b).abs().mean()",
        "_difference(a, b).mean()",
        "equal, and can't fall without bound",
    ),
    _pair(
        "mse",
        "_difference(a, b).square().mean()",
        "_difference(a, b)[0].square().mean()",
        "a row singled out",
    ),
    _pair("mse", "return a - b", "return a + b", "a sum in place of a difference"),
    _pair("mse", "return a - b", "return (a - b).detach()", "no gradient"),
    _game("nonsaturating", _CRITIC, _CRITIC.replace("softplus(-real", "softplus(real"), "wrong sign"),
    _game(
        "nonsaturating",
        _CRITIC,
        _CRITIC.replace("real_verdict.score)", "real_verdict.score.detach())"),
        "both",
    ),
    _game(
        "nonsaturating",
        "F.softplus(-fake_verdict.score).mean()",
        "F.softplus(fake_verdict.score).mean()",
        "takes fakes for real",
    ),
    _game(
        "nonsaturating",
        "F.softplus(-fake_verdict.score).mean()",
        "F.softplus(-fake_verdict.score).sum()",
        "summed",
    ),
    _game("hinge", _HINGE, _HINGE.replace("1 + fake", "1 - fake"), "wrong sign"),
    _game("hinge", "-fake_verdict.score.mean()", "-fake_verdict.score[0].mean()", "permuted alike"),
    _r1(
        "    with torch.enable_grad():\n        score",
        "    if True:\n        score",
        "torch.no_grad()",
        "slopes",
    ),
    _r1("create_graph=teaches", "create_graph=False", "create_graph=True", "slopes"),
    _r1(_R1, _R1.replace("0.5", "-0.5"), "steep"),
    _r1(_R1, "return 5.0 * slope(discriminator, x)[1]", "option 'gamma' changes the loss"),
    _r1(_NORM, "gradient.flatten(1).square().sum()", "summed over the batch", "slopes"),
    _r1(_NORM, "gradient.square().sum(1)", "shape () or (batch,)", "slopes"),
]

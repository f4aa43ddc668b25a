"""Bugs in losses of critics and generators, and in regularisers of critics."""

from . import Mutant

_CRITIC = "total = F.softplus(-real_verdict.score).mean() + F.softplus(fake_verdict.score).mean()"
_AVERAGE = "return real - fake.mean(0), fake - real.mean(0)"
_BETWEEN = "return self._of(features(real_verdict), features(fake_verdict))"
_GRADIENT = "create_graph=teaches"
_FAKES = "return 0.5 * gamma * slope(discriminator, fake)[1]"


def _in(file: str, name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("loss", name, "gan", f"losses/{file}.py", old, new, says)


MUTANTS = [
    _in("minimax", "minimax", _CRITIC, _CRITIC.replace("softplus(-real", "softplus(real"), "wrong sign"),
    _in("minimax", "minimax", "return -F.softplus(", "return F.softplus(", "takes fakes for real"),
    _in(
        "least_squares",
        "least-squares",
        "(real_verdict.score - self.real).square().mean()",
        "(real_verdict.score - self.real).mean()",
        "real data score above fakes",
    ),
    _in(
        "least_squares",
        "least-squares",
        "(fake_verdict.score - self.target).square().mean()",
        "(fake_verdict.score - self.target).square().sum()",
        "summed over the batch",
    ),
    _in(
        "wasserstein",
        "wasserstein",
        "fake_verdict.score.mean() - real_verdict.score.mean()",
        "real_verdict.score.mean() - fake_verdict.score.mean()",
        "wrong sign",
    ),
    _in("wasserstein", "wasserstein", "return -fake", "return fake", "takes fakes for real"),
    _in(
        "relativistic",
        "relativistic",
        "F.softplus(-paired(real_verdict, fake_verdict))",
        "F.softplus(paired(real_verdict, fake_verdict))",
        "wrong sign",
    ),
    _in("scores", "relativistic", "return real - fake", "return real.detach() - fake", "both"),
    _in(
        "relativistic",
        "relativistic-average",
        _AVERAGE,
        _AVERAGE.replace(".mean(0)", ".mean(0).detach()"),
        "is that of its value",
    ),
    _in(
        "relativistic",
        "relativistic-average",
        _AVERAGE,
        _AVERAGE.replace(".mean(0)", "[0]"),
        "permuted alike",
    ),
    _in(
        "d2gan",
        "d2gan",
        "mean() - self.alpha * _log_softplus(real_v",
        "mean() + self.alpha * _log_softplus(real_v",
        "sign",
    ),
    _in("d2gan", "d2gan", ".mean() - rewarded", ".mean() + rewarded", "takes fakes for real"),
    _in("r1", "r2", _FAKES, _FAKES.replace("0.5", "-0.5"), "steep"),
    _in("r1", "r2", _FAKES, f"{_FAKES}.sum()", "summed over the batch"),
    _in("slopes", "gradient-penalty", _GRADIENT, "create_graph=False", "create_graph=True"),
    _in("slopes", "gradient-penalty", "else excess.square()", "else excess.square().sum()", "summed"),
    _in(
        "dragan", "dragan", "noise * x.detach().std()", "x.detach().std()", "option 'noise' changes the loss"
    ),
    _in("slopes", "dragan", "else excess.square()", "else -excess.square()", "steep"),
    _in(
        "jensen_shannon",
        "jensen-shannon",
        "real_slope).mean()",
        "real_slope).mean().detach()",
        "is that of its value",
    ),
    _in(
        "jensen_shannon",
        "jensen-shannon",
        "faked.sigmoid()",
        "faked.sigmoid().detach()",
        "is that of its value",
    ),
    _in(
        "feature_matching",
        "feature-matching",
        "features(real_verdict).mean(0)",
        "features(real_verdict)[0]",
        "permuted",
    ),
    _in(
        "feature_matching", "feature-matching", "gap.square().sum()", "gap.detach().square().sum()", "reaches"
    ),
    _in("mmd_gan", "mmd-gan", _BETWEEN, _BETWEEN.replace("fake_verdict)", "fake_verdict)[:2]"), "permuted"),
    _in(
        "mmd_gan",
        "mmd-gan",
        _BETWEEN,
        "return self._of(features(real_verdict).detach(), features(fake_verdict).detach())",
        "reaches",
    ),
]

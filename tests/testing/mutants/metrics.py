"""Bugs in metrics."""

from . import Mutant


def _mutant(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("metric", name, "metrics", file, old, new, says)


_CAT = "(torch.cat(column).double() for column in zip(*pairs, strict=True))"

MUTANTS = [
    _mutant(
        "denoising",
        "denoising.py",
        "torch.cat([row[name] for row in rows]).mean(0)",
        "torch.stack([row[name].mean(0) for row in rows]).mean(0)",
        "not means of batches",
    ),
    _mutant(
        "denoising",
        "denoising.py",
        "torch.cat([row[name] for row in rows]).mean(0)",
        "torch.cat([row[name] for row in rows]).sum(0)",
        "in place of their mean",
    ),
    _mutant(
        "psnr",
        "fidelity.py",
        "figure(restored(x), x, peak) for x",
        "figure(restored(x), x, peak).mean()[None] for x",
        "not means of batches",
    ),
    _mutant(
        "trick-probe", "trick.py", "max(1 - left / spread, 0.0)", "1 - left / spread * float('inf')", "finite"
    ),
    _mutant("elbo", "elbo.py", "value = -(rate + distortion)", "value = rate + distortion", "elbo is"),
    _mutant("elbo", "elbo.py", "value = -(rate + distortion)", "value = -(rate - distortion)", "elbo is"),
    _mutant(
        "elbo",
        "elbo.py",
        _CAT,
        "(torch.stack([part.mean() for part in column]).double() for column in zip(*pairs, strict=True))",
        "not means of batches",
    ),
    _mutant(
        "rate-distortion", "elbo.py", "rate, distortion = " + _CAT, "distortion, rate = " + _CAT, "rate is"
    ),
    _mutant(
        "rate-distortion",
        "elbo.py",
        'pairs = [elbo_parts(batch["x"]) for batch in data.batches(batch_size)]',
        'pairs = [elbo_parts(next(iter(data.batches(batch_size)))["x"])]',
        "batch_size=3",
    ),
    _mutant("log-likelihood", "likelihood.py", ".logsumexp(0) - math.log(k)", ".logsumexp(0)", "log 1/k"),
    _mutant(
        "log-likelihood",
        "likelihood.py",
        "log_weights(x, size).double().logsumexp(0) for size",
        "log_weights(x, size).double().mean(0) + math.log(size) for size",
        "log_likelihood is",
    ),
    _mutant("active-units", "units.py", "means.var(0)", "means.var(1)", "active_units is"),
    _mutant(
        "active-units",
        "units.py",
        "float((means.var(0) > threshold).sum())",
        "means.var(0).log().sum()",
        "finite",
    ),
    _mutant("accuracy", "accuracy.py", "right.double().mean()", "right.double().sum()", "accuracy is"),
    _mutant("accuracy", "accuracy.py", ".argmax(-1)", ".argmin(-1)", "accuracy is"),
    _mutant(
        "accuracy",
        "accuracy.py",
        "in data.batches(batch_size)])",
        "in [next(iter(data.batches(batch_size)))]])",
        "batch_size=3",
    ),
]

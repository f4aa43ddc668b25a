"""Bugs in metrics."""

from . import Mutant


def _mutant(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("metric", name, "metrics", file, old, new, says)


_CAT = "(torch.cat(column).double() for column in zip(*pairs, strict=True))"

MUTANTS = [
    # Annealing without the 1/chains, the upper bound with the sign of the lower, one chain for all.
    _mutant(
        "annealed-log-likelihood",
        "annealing.py",
        "return log_w.logsumexp(0) - math.log(len(log_w))",
        "return log_w.logsumexp(0)",
        "annealed_log_likelihood is",
    ),
    _mutant(
        "annealed-log-likelihood",
        "annealing.py",
        "torch.cat([accepted for _, accepted in pairs]).double().mean()",
        "torch.cat([accepted for _, accepted in pairs]).double().sum()",
        "annealed_acceptance",
    ),
    _mutant(
        "annealed-gap",
        "annealing.py",
        "lower, upper = _log_mean(forward), -_log_mean(backward)",
        "lower, upper = _log_mean(forward), _log_mean(backward)",
        "annealed_gap is",
    ),
    _mutant(
        "annealed-gap",
        "annealing.py",
        "gap = upper - lower",
        "gap = (upper - lower).float() + math.log(2)",
        "annealed_gap is",
    ),
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
        "pairs = [elbo_parts(batch) for batch in data.batches(batch_size)]",
        "pairs = [elbo_parts(next(iter(data.batches(batch_size))))]",
        "batch_size=3",
    ),
    # An interval that depends on the order of the examples, and one of the smallest k.
    _mutant(
        "log-likelihood",
        "bounds.py",
        "ordered = values.double().cpu().sort().values",
        "ordered = values.double().cpu()",
        "backwards",
    ),
    _mutant("elbo", "bounds.py", "name: float(values.mean())", "name: float(values.sum())", "elbo"),
    _mutant(
        "log-likelihood",
        "likelihood.py",
        "found.append(total - math.log(k))",
        "found.append(total)",
        "log 1/k",
    ),
    _mutant(
        "log-likelihood",
        "likelihood.py",
        "weights.double().logsumexp(0)",
        "(weights.double().mean(0) + math.log(size))",
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

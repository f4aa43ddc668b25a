"""Bugs in metrics of samples, in their classifier's body, and in stacked digits."""

from . import Mutant


def _mutant(name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("metric", name, "metrics", f"samples/{file}.py", old, new, says)


_NUMPY = 'torch.from_numpy(__import__("numpy").random.permutation(len({0})))'

MUTANTS = [
    # One example in place of the mean, and a spread around one.
    _mutant("fid", "fid", "mean = wide.mean(0)", "mean = wide[0]", "backwards"),
    _mutant("fid", "fid", "wide = wide - mean", "wide = wide - wide[0]", "backwards"),
    # One batch of the data, and one column of the kernel.
    _mutant(
        "kid",
        "sides",
        'for batch in timed(batches, count, tell, "reading examples")])',
        "for batch in [next(iter(batches))]])",
        "batch_size=3",
    ),
    _mutant("kid", "kid", "sums[part] += kernel.sum(1)", "sums[part] += kernel[:, 1]", "backwards"),
    # A neighbour that is the k-th in the file, and one ball for all.
    _mutant(
        "prdc",
        "prdc",
        "squares.topk(k, dim=1, largest=False).values[:, -1]",
        "squares[:, k]",
        "backwards",
    ),
    _mutant("prdc", "prdc", "(squares <= ball).sum(1)", "(squares <= ball[0]).sum(1)", "backwards"),
    # Draws that no seed repeats, and a figure named by what it is of.
    _mutant(
        "inception-score",
        "inception",
        "torch.randperm(len(rows))",
        _NUMPY.format("rows"),
        "under the same seed",
    ),
    _mutant(
        "inception-score",
        "inception",
        '"inception_score_of_data": score',
        'f"inception_score_of_{len(found.data)}": score',
        "whatever the data",
    ),
    _mutant(
        "recognition", "recognition", "p.amax(1).double().mean()", "p.amax(1).double().sum()", "of their mean"
    ),
    # 0 log 0 is none of the logarithm's business.
    _mutant(
        "recognition",
        "recognition",
        "(found.xlogy(found) - found.xlogy(due.clamp_min(1e-6)))",
        "(found * (found / due).log())",
        "finite",
    ),
    _mutant(
        "modes", "modes", "[group.mean(0) for group in groups]", "[group[0] for group in groups]", "backwards"
    ),
    _mutant("modes", "modes", "group.var(0).mean().sqrt()", "group[:2].var(0).mean().sqrt()", "backwards"),
    _mutant(
        "class-modes",
        "class_modes",
        "found = hits if found is None else found + hits",
        "found = hits",
        "batch_size=3",
    ),
    _mutant("class-modes", "recognition", "found.xlogy(found) -", "found * found.log() -", "finite"),
    _mutant(
        "conditional-accuracy",
        "conditional",
        "torch.cat(real).double().mean()",
        "torch.cat(real).double().sum()",
        "of their mean",
    ),
    _mutant("conditional-accuracy", "conditional", "torch.cat(real)", "real[-1]", "batch_size=3"),
    _mutant(
        "neighbours",
        "neighbours",
        "for batch in train_data.batches(batch_size)])",
        "for batch in [next(iter(train_data.batches(batch_size)))]])",
        "batch_size=3",
    ),
    _mutant("neighbours", "neighbours", "unseen.median()", "unseen[0]", "backwards"),
    _mutant(
        "classifier-two-sample",
        "told_apart",
        "seed=int(torch.randint(2**31, ()))",
        'seed=__import__("time").time_ns() % 2**31',
        "under the same seed",
    ),
    _mutant("classifier-two-sample", "told_apart", "{name}_low", "{name}_{auc.low:.3f}", "whatever the data"),
    _mutant(
        "interpolation", "interpolation", "torch.randperm(len(x))", _NUMPY.format("x"), "under the same seed"
    ),
    _mutant(
        "interpolation", "interpolation", "steps.amax(1) / way)", "steps.amax(1) / (way - way))", "finite"
    ),
    # Rows that mix, and colours that are not looked at.
    Mutant("encoder", "lenet", "nets", "lenet.py", "self.net(x)", "self.net(x - x.mean())", "row"),
    Mutant(
        "encoder",
        "lenet",
        "nets",
        "lenet.py",
        "self.net(x)",
        "self.net(x[:, :1].expand_as(x))",
        "changes what comes",
    ),
    Mutant(
        "dataset",
        "stacked-mnist",
        "data",
        "stacked.py",
        "100 * hundreds",
        "1000 * hundreds",
        "labels must lie",
    ),
    Mutant(
        "dataset", "stacked-mnist", "data", "stacked.py", '["x"].squeeze(1)[places]', '["x"][places]', "shape"
    ),
]

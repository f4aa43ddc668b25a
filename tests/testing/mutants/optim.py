"""Bugs in optimizers and schedules."""

from . import Mutant


def _optimizer(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("optimizer", name, "optim", "optimizers.py", old, new, says)


def _schedule(name: str, old: str, new: str, says: str) -> Mutant:
    return Mutant("schedule", name, "optim", "schedules.py", old, new, says)


_ADAM = "return torch.optim.Adam(params, lr, betas, eps, weight_decay, fused=_fused(params))"
_RMSPROP = "return torch.optim.RMSprop(list(params), lr, alpha, eps, weight_decay, momentum)"
_SHARE = "return min(max((step - start) / length, 0.0), 1.0) if length > 0 else float(step >= start)"
_COSINE = "return to + (from_ - to) * 0.5 * (1 + math.cos(math.pi * share))"

MUTANTS = [
    _optimizer("adam", _ADAM, "return torch.optim.Adam(params[:-1], lr, betas, eps)", "without scale"),
    _optimizer(
        "adam",
        _ADAM,
        "params = [p for p in params if p.ndim > 1]\n    " + _ADAM,
        "param_groups hold each of the parameters",
    ),
    _optimizer(
        "adam", _ADAM, "return torch.optim.Adam(params, 1e-3, betas, eps, weight_decay)", "has that lr"
    ),
    _optimizer(
        "adamw",
        "return torch.optim.AdamW(params, lr, betas, eps, weight_decay, fused=_fused(params))",
        "return torch.optim.AdamW(params, lr, betas, eps, fused=_fused(params))",
        "weight_decay",
    ),
    _optimizer(
        "rmsprop",
        _RMSPROP,
        "return torch.optim.RMSprop(list(params), lr, alpha, eps, momentum, weight_decay)",
        "'momentum' of param_groups",
    ),
    _optimizer(
        "sgd",
        "params, lr, momentum, weight_decay=weight_decay, nesterov=nesterov, fused=_fused(params)",
        "params, lr, momentum, weight_decay=weight_decay, maximize=True",
        "against the gradient",
    ),
    _schedule("linear", _SHARE, "return (step - start) / length", "holds its last value"),
    _schedule("cosine", _COSINE, "return to + (from_ - to) * (1 + math.cos(math.pi * share))", "at step 0"),
    _schedule(
        "exponential",
        "length = steps if steps is not None else (epochs or 0) * steps_per_epoch",
        "length = steps if steps is not None else (epochs or 0)",
        "steps_per_epoch steps",
    ),
    _schedule(
        "linear", _SHARE, _SHARE.replace("(step - start) / length", "step / length"), "count steps from start"
    ),
    _schedule(
        "steps",
        "[round(epoch * steps_per_epoch) for epoch in epochs]",
        "[round(epoch) * (steps_per_epoch + 1) for epoch in epochs]",
        "steps_per_epoch steps",
    ),
    _schedule("cosine", _COSINE, "return (to + from_) / (share - 2)", "at step"),
    _schedule(
        "power",
        "return float(scale / (1 + step) ** exponent)",
        "return scale / step**exponent",
        "ZeroDivisionError",
    ),
    _schedule(
        "power", "return float(scale / (1 + step) ** exponent)", "return None  # type: ignore", "number"
    ),
]

"""Bugs in discrete codes and directed nets."""

from . import Mutant


def _vae(kind: str, name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant(kind, name, "vae", file, old, new, says)


def _directed(kind: str, name: str, file: str, old: str, new: str, says: str) -> Mutant:
    return Mutant(kind, name, "directed", file, old, new, says)


MUTANTS = [
    # A temperature in evaluation; codes of one variable for many; a gradient that stops.
    _vae(
        "posterior",
        "gumbel-softmax",
        "posteriors/gumbel_softmax.py",
        "return OneHotCategorical(logits, event_ndim=event_ndim)",
        "return OneHotCategorical(logits, event_ndim=1)",
        "event_shape",
    ),
    _vae(
        "posterior",
        "categorical",
        "posteriors/categorical.py",
        "event_ndim=len(self.latent_shape)",
        "event_ndim=1",
        "event_shape",
    ),
    _vae(
        "posterior",
        "concrete",
        "posteriors/concrete.py",
        "return Bernoulli(logits, event_ndim=event_ndim)",
        "return Bernoulli(logits.detach(), event_ndim=event_ndim)",
        "difference quotient",
    ),
    _vae(
        "prior",
        "categorical",
        "priors/categorical.py",
        "return OneHotCategorical(self.logits, event_ndim=2)",
        "return OneHotCategorical(self.logits)",
        "event_shape",
    ),
    # An objective that is summed over the batch; one that remembers its graph.
    _vae(
        "loss",
        "reinforce",
        "losses/reinforce.py",
        "scores.terms(-scores.bound.mean(0)",
        "scores.terms(-scores.bound",
        "reinforce",
    ),
    _vae("loss", "vq", "losses/vq.py", "commitment * committed", "committed", "option 'commitment' changes"),
    # Masks that are not strict: an output sees its own input; half a mask; a bit left out of a sum.
    _directed(
        "prior",
        "made",
        "made.py",
        "inputs.unsqueeze(1) > degrees",
        "inputs.unsqueeze(1) >= degrees",
        "prior/made",
    ),
    _directed("prior", "nade", "nade.py", "(0, 0, 1, 0))", "(0, 0, 0, 1))", "prior/nade"),
    _directed(
        "prior",
        "masked-conv",
        "masked_conv.py",
        "_before(5, own=False)",
        "_before(5, own=True)",
        "prior/masked-conv",
    ),
    _directed(
        "prior",
        "sigmoid-belief",
        "layers.py",
        "torch.cat(layers[::-1] if self.downward else layers, -1)",
        "torch.cat(layers, -1)",
        "log_prob",
    ),
    _directed(
        "posterior",
        "sigmoid-belief",
        "layers.py",
        "return inner - F.softplus(logits).sum(-1)",
        "return inner - F.softplus(-logits).sum(-1)",
        "sums to 1",
    ),
    _directed("loss", "wake-sleep", "wake_sleep.py", "_by_example(-score)", "_by_example(score)", "wake"),
]

"""What is measured, against what, and what is wanted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import contest
import programs
import report
from contest import Arm, Ratio
from machine import has_amx
from noises import ROWS
from pictures import dataset
from report import Goal, Section

HERE = Path(__file__).parent
GENFRAME = str(Path(sys.executable).with_name("genframe"))
PEERS_PYTHON = HERE.parents[1] / ".venv-bench" / "bin" / "python"
PEERS = (Ratio("genframe", "loader"), Ratio("genframe", "pythae"), Ratio("genframe", "lightning"))
PYTHAE = ("pythae", "pythae-tuned")
"""As it comes, and under the process settings that genframe makes for itself."""
FAMILY = {"mlp": 400, "beta-vae": 400, "iwae": 50, "vamp": 200, "iaf": 200, "wae": 300, "vq": 50, "rae": 300}
"""Models that pythae has too, and the steps of a turn."""


_PLAYS = ("lean-naive", "lean-tuned-at-once", "genframe-at-once")
"""A GAN in a tutorial's loop, and both players from one forward pass."""


@dataclass(frozen=True)
class Scale:
    """How much is measured. `warm_up`, `steps`: instead of each case's own."""

    rounds: int = 7
    warm_up: int | None = None
    steps: int | None = None
    pictures: int = 50
    samples: int = 5000
    peers: bool = False


Case = Callable[[Scale, Path], Section]
"""Measures, given how much and a folder to write in."""


@dataclass(frozen=True)
class Training:
    """A model trained by several loops, in turns of `steps`."""

    about: str
    model: str
    loops: Sequence[str]
    ratios: Sequence[Ratio]
    steps: int
    warm_up: int
    loss: str = "-ELBO, nats"
    peers: Sequence[Ratio] = ()
    """With --peers: what is held against their loops."""
    name: str = ""
    """Of the case, where it is not the model's."""

    def __call__(self, scale: Scale, scratch: Path) -> Section:
        options = ("--scratch", str(scratch / self.model))
        arms = [Arm(self.model, loop, options=options) for loop in self.loops]
        against = self.peers if scale.peers else ()
        ratios = [*self.ratios, *against]
        peers = dict.fromkeys(ratio.to for ratio in against)
        arms += [Arm(self.model, peer, python=str(PEERS_PYTHON), options=options) for peer in peers]
        warm_up = self.warm_up if scale.warm_up is None else scale.warm_up
        steps = scale.steps or self.steps
        held = contest.hold(arms, steps, scale.rounds, warm_up)
        return report.of_contest(
            self.name or self.model, f"{self.about}; turns of {steps} steps", held, ratios, self.loss
        )


def family(scale: Scale, scratch: Path) -> Section:
    """A row a model of the VAE family, each of them a contest of its own with pythae's."""
    if not scale.peers:
        return Section("family", "only beside pythae: --peers", [""], [], [])
    rows, goals, middles = [], [], []
    for model, steps in FAMILY.items():
        options = ("--scratch", str(scratch / model))
        arms = [Arm(model, "genframe", options=options)]
        arms += [Arm(model, loop, python=str(PEERS_PYTHON), options=options) for loop in PYTHAE]
        held = contest.hold(
            arms, scale.steps or steps, scale.rounds, 2 if scale.warm_up is None else scale.warm_up
        )
        ratios = [held.ratios(Ratio("genframe", loop)) for loop in PYTHAE]
        goals.append(Goal(f"{model}: genframe / pythae-tuned", ratios[-1], at_least=1.0))
        middles.append([median(ratio) for ratio in ratios])
        measured = held.arms.values()
        speeds = [report.spread(arm.speeds, ",.0f") for arm in measured]
        losses = [f"{arm.losses[-1]:.2f}" for arm in measured]
        sizes = [f"{arm.parameters:,}" for arm in (held.arms["genframe"], held.arms["pythae"])]
        rows.append([model, *speeds, *(report.spread(ratio, ".2f") for ratio in ratios), *losses[:2], *sizes])
    for loop, ratios in zip(PYTHAE, zip(*middles, strict=True), strict=True):
        goals.append(Goal(f"genframe / {loop}, the middle of the models", [median(ratios)], at_least=1.5))
    header = ["", "genframe", *PYTHAE, *(f"of {loop}" for loop in PYTHAE)]
    header += ["final loss", "pythae's", "parameters", "pythae's"]
    return Section("family", "pictures/s, batch 128, Adam 1e-3", header, rows, goals)


def nll(scale: Scale, scratch: Path) -> Section:
    """All arms read the run that is trained here first; that they agree shows that they measure the same."""
    run = scratch / "nll"
    metric = f"use: log-likelihood, k: {scale.samples}, count: {scale.pictures}"
    metrics = [f"evaluate.fp32={{{metric}}}", f"evaluate.bf16={{{metric}, precision: bf16}}"]
    subprocess.run(_train(run, scale.steps or 450, *metrics), check=True)
    options = ("--scratch", str(run), "--samples", str(scale.samples))
    arms = [Arm("nll", loop, options=options) for loop in ("by-hand", "genframe", "genframe-bf16")]
    ratios = [Ratio("genframe", "by-hand", 1 / 1.3)]
    if scale.peers:
        arms.append(Arm("nll", "pythae", python=str(PEERS_PYTHON), options=options))
        ratios += [Ratio("genframe", "pythae", 3.5), Ratio("genframe-bf16", "pythae", _bf16(5.0))]
    held = contest.hold(arms, scale.pictures, scale.rounds, 1 if scale.warm_up is None else scale.warm_up)
    about = f"likelihood by {scale.samples} samples a picture, {scale.pictures} pictures a turn"
    section = report.of_contest("nll", about, held, ratios, "-log p(x), nats")
    first, *others = [(arm.loop, sum(arm.losses) / len(arm.losses)) for arm in held.arms.values()]
    apart = [Goal(f"{name} - {first[0]}, nats", [abs(loss - first[1])], at_most=0.1) for name, loss in others]
    return replace(section, goals=[*section.goals, *apart])


def chain(scale: Scale, scratch: Path) -> Section:
    """Both arms read the run that is trained here first; that the means agree shows that they draw the same."""
    run = scratch / "chain"
    subprocess.run(_train(run, scale.steps or 100, recipe="gsn"), check=True)
    arms = [Arm("chain", loop, options=("--scratch", str(run))) for loop in ("by-hand", "genframe")]
    count = 20 if scale.steps else 10_000
    held = contest.hold(arms, count, scale.rounds, 1 if scale.warm_up is None else scale.warm_up)
    about = f"{count:,} samples of a GSN's chain, 784-400-400, 11 steps each, 1,000 at once"
    return report.of_contest("chain", about, held, [Ratio("genframe", "by-hand", 1 / 1.3)], "mean value")


def samples(scale: Scale, scratch: Path) -> Section:
    """Blocks hold 16 MB of pairs at once; the plain expressions hold all pairs, 400 MB a matrix of 10,000 x 10,000."""
    import sample_metrics

    count, rounds = (200, 1) if scale.steps else (10_000, scale.rounds)
    goals, rows = [], []
    for name in sample_metrics.PAIRS:
        found = sample_metrics.timed(name, count, rounds)
        pairs = zip(found.our_seconds, found.plain_seconds, strict=True)
        goals.append(Goal(f"{name}: seconds / plain seconds", [a / b for a, b in pairs], at_most=1.3))
        row = [name, report.spread(found.our_seconds, ".2f"), report.spread(found.plain_seconds, ".2f")]
        rows.append([*row, f"{found.ours:.6g}", f"{found.plain:.6g}"])
    about = f"metrics of {count:,} samples and as many examples, {sample_metrics.FEATURES} features"
    return Section("samples", about, ["", "seconds", "plain torch", "figure", "plain figure"], rows, goals)


def startup(scale: Scale, scratch: Path) -> Section:
    commands: dict[str, list[str]] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "genframe --help": [GENFRAME, "--help"],
        "genframe list": [GENFRAME, "list"],
        "genframe validate --quick vae/digits": [GENFRAME, "validate", "--quick", "vae/digits"],
        "import torch": [sys.executable, "-c", "import torch"],
        "import wandb": [sys.executable, "-c", "import wandb"],
    }
    wanted = {"genframe --help": 0.25, "genframe list": 0.25, "genframe validate --quick vae/digits": 0.4}
    taken = programs.seconds(commands, scale.rounds, 1 if scale.warm_up is None else scale.warm_up)
    rows = [[name, report.spread(values, ".3f")] for name, values in taken.items()]
    goals = [Goal(f"{name}, seconds", taken[name], at_most=bound) for name, bound in wanted.items()]
    return Section("startup", "whole processes", ["", "seconds"], rows, goals)


def memory(scale: Scale, scratch: Path) -> Section:
    """A real run, with its checkpoints and pictures, against the plain loop's process; of the MLP VAE."""
    steps = scale.steps or 2 * 468
    rounds = min(scale.rounds, 3)
    runs = [programs.peak_mb(_train(scratch / f"memory-{i}", steps)) for i in range(rounds)]
    lean = [contest.hold([Arm("mlp", "lean")], steps, 1, 0).arms["lean"].peak_mb for _ in range(rounds)]
    importing = [programs.peak_mb([sys.executable, "-c", "import torch"]) for _ in range(rounds)]
    taken = {"genframe train": runs, "lean": lean, "import torch": importing}
    rows = [[name, report.spread(values, ".0f")] for name, values in taken.items()]
    ratios = sorted(ours / theirs for ours, theirs in zip(runs, lean, strict=True))
    goals = [Goal("genframe train / lean", ratios, at_most=1.10)]
    return Section("memory", f"{steps} steps of the MLP VAE, peak resident size", ["", "MB"], rows, goals)


def noises(scale: Scale, scratch: Path) -> Section:
    """In a process of its own, which sets its threads to one."""
    rounds = 2 if scale.steps else 100
    command = [sys.executable, str(HERE / "noises.py"), "--rounds", str(rounds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, dict[str, dict[str, list[float]]]] = json.loads(done.stdout)
    rows = [
        [f"{name} {shape}", *(f"{median(taken[key]):.2f}" for key in ("noise", "plain", "ratio"))]
        for name, shapes in figures.items()
        for shape, taken in shapes.items()
    ]
    goals = [
        Goal(f"{name} {shape} / plain torch, time", taken["ratio"], at_most=ROWS[name][2])
        for name, shapes in figures.items()
        for shape, taken in shapes.items()
    ]
    header = ["", "ms", "plain torch, ms", "ratio"]
    return Section(
        "noises", f"a batch of 128, time of one processor, medians of {rounds} rounds", header, rows, goals
    )


def _train(run: Path, steps: int, *overrides: str, recipe: str = "mlp") -> list[str]:
    """The command that trains the MLP VAE, or another recipe of this folder, as a user would."""
    file = str(HERE / "recipes" / f"{recipe}.yaml")
    settings = ["device=cpu", f"data.use={dataset()}", f"train.steps={steps}", *overrides]
    return [GENFRAME, "train", file, *settings, "--quiet", "--run-dir", str(run)]


def _denoiser(model: str, about: str, steps: int, wanted: float | None = None) -> Training:
    return Training(
        f"{about}, batch 128, Adam 1e-3",
        model,
        ["lean", "lean-tuned", "genframe"],
        [Ratio("genframe", "lean-tuned", wanted), Ratio("genframe", "lean")],
        steps=steps,
        warm_up=1,
        loss="cross-entropy, nats",
    )


def _bf16(bound: float) -> float | None:
    """Wanted only of processors whose matrix units take bfloat16."""
    return bound if has_amx() else None


CASES: dict[str, Case] = {
    "mlp": Training(
        "VAE 784-400-20, batch 128, Adam 1e-3",
        "mlp",
        ["lean", "lean-tuned", "genframe"],
        [Ratio("genframe", "lean-tuned", 0.95), Ratio("genframe", "lean", 1.15), Ratio("lean-tuned", "lean")],
        steps=450,
        warm_up=2,  # Adam's denormals, which the settings of the process flush, come with the second epoch
        peers=PEERS,
    ),
    "conv": Training(
        "convolutional VAE, batch 128, Adam 1e-3",
        "conv",
        ["lean", "lean-tuned", "genframe", "lean-tuned-bf16", "genframe-bf16"],
        [
            Ratio("genframe", "lean-tuned", 0.95),
            Ratio("genframe", "lean", 1.3),
            Ratio("genframe-bf16", "lean", _bf16(1.8)),
            Ratio("genframe-bf16", "lean-tuned-bf16"),
            Ratio("lean-tuned", "lean"),
        ],
        steps=50,
        warm_up=1,
        peers=PEERS,
    ),
    "logging": Training(
        "VAE 784-400-20, batch 128; a row each 50 steps, each step, and each step to wandb offline too",
        "mlp",
        ["genframe", "genframe-every-step", "genframe-every-step-wandb"],
        [Ratio("genframe-every-step", "genframe"), Ratio("genframe-every-step-wandb", "genframe", 0.97)],
        steps=400,
        warm_up=2,
        name="logging",
    ),
    "family": family,
    "dcgan": Training(
        "DCGAN 28x28, 64 base channels, batch 64, non-saturating, Adam 2e-4",
        "dcgan",
        ["lean", "lean-tuned", "genframe", "lean-tuned-bf16", "genframe-bf16", *_PLAYS],
        [
            Ratio("genframe", "lean-tuned", 0.95),
            Ratio("genframe", "lean-naive", 1.3),
            Ratio("genframe", "lean", 1.13),
            Ratio("genframe-at-once", "lean-tuned-at-once", 0.95),
            Ratio("genframe-at-once", "genframe"),
            Ratio("genframe-bf16", "lean", _bf16(2.0)),
            Ratio("genframe-bf16", "lean-tuned-bf16"),
            Ratio("lean-tuned", "lean"),
        ],
        steps=25,
        warm_up=1,
        loss="losses",
        peers=[
            Ratio("genframe", "torchgan", 1.5),
            Ratio("genframe", "mimicry", 1.5),
            Ratio("genframe-bf16", "torchgan", _bf16(2.5)),
            Ratio("genframe-bf16", "mimicry", _bf16(2.5)),
        ],
    ),
    "dae-mlp": _denoiser("dae-mlp", "denoiser 784-400-400-784", 300, 0.95),
    "dae-conv": _denoiser("dae-conv", "convolutional denoiser", 50, 0.95),
    "hidden-noise": _denoiser("hidden-noise", "the denoiser 784-400-400-784, noise in its first layer", 300),
    "gradient-noise": _denoiser("gradient-noise", "the same denoiser, noise on its gradients", 300),
    "weight-noise": _denoiser("weight-noise", "the same denoiser, noise on its weights", 300),
    "chain": chain,
    "nll": nll,
    "samples": samples,
    "startup": startup,
    "memory": memory,
    "noises": noises,
}

"""Figures computed from a recipe's outputs and its data; none knows a wiring."""

from pathlib import Path

from genframe import Component, hookimpl

from .samples import COMPONENTS as OF_SAMPLES

GENFRAME_API = 1


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]


@hookimpl
def genframe_metrics() -> list[Component]:
    return [
        Component(
            "accuracy",
            "genframe_plugins.metrics.accuracy:accuracy",
            summary="the share of examples that a classifier gets right",
        ),
        Component(
            "ais-log-likelihood",
            "genframe_plugins.metrics.annealed:ais_log_likelihood",
            summary="log p(x) of a Boltzmann machine, log Z by annealing",
        ),
        Component(
            "annealed-log-likelihood",
            "genframe_plugins.metrics.annealing:annealed_log_likelihood",
            summary="log p(x) of a decoder by annealed importance sampling",
            example={"temperatures": 10, "count": 100},
        ),
        Component(
            "annealed-gap",
            "genframe_plugins.metrics.annealing:annealed_gap",
            summary="what annealing misses, bounded from either side on data of the model",
            example={"temperatures": 10},
        ),
        Component(
            "denoising",
            "genframe_plugins.metrics.denoising:denoising",
            summary="PSNR and SSIM at levels of noise, beside filters and nearest neighbours",
            needs=("image",),
            example={"levels": (0.3,)},
        ),
        Component(
            "exact-log-likelihood",
            "genframe_plugins.metrics.exact:exact_log_likelihood",
            summary="log p(x) of a model that tells it",
        ),
        Component(
            "group-accuracy",
            "genframe_plugins.metrics.groups:group_accuracy",
            summary="whether groups found without labels are the classes",
        ),
        Component(
            "psnr",
            "genframe_plugins.metrics.fidelity:psnr",
            summary="peak signal-to-noise ratio of restored pictures",
            needs=("image",),
        ),
        Component(
            "ssim",
            "genframe_plugins.metrics.fidelity:ssim",
            summary="structural similarity of restored pictures",
            needs=("image",),
        ),
        Component(
            "score-error",
            "genframe_plugins.metrics.score:score_error",
            summary="the score that a denoiser tells, against the true one of a mixture of Gaussians",
        ),
        Component(
            "trick-probe",
            "genframe_plugins.metrics.trick:trick_probe",
            summary="how well simple statistics predict the level of a noise",
        ),
        Component(
            "told-level",
            "genframe_plugins.metrics.told_level:told_level",
            summary="how well a critic says how much noise it sees, beside simple statistics",
        ),
        Component("elbo", "genframe_plugins.metrics.elbo:elbo", summary="the evidence lower bound"),
        Component(
            "rate-distortion",
            "genframe_plugins.metrics.elbo:rate_distortion",
            summary="the two parts of the evidence lower bound",
        ),
        Component(
            "log-likelihood",
            "genframe_plugins.metrics.likelihood:log_likelihood",
            summary="importance-sampled log p(x) with k samples",
        ),
        Component(
            "chain-mixing",
            "genframe_plugins.metrics.mixing:chain_mixing",
            summary="autocorrelation time, effective sample size and mode switches of a Markov chain",
            example={"steps": 50},
        ),
        Component(
            "parzen",
            "genframe_plugins.metrics.parzen:parzen",
            summary="Parzen-window log-likelihood by the published protocol, with its warning",
            example={"samples": 100},
        ),
        Component(
            "two-sample",
            "genframe_plugins.metrics.two_sample:two_sample",
            summary="energy distance between samples and data, with a permutation test",
            example={"count": 50, "permutations": 99},
        ),
        Component(
            "active-units",
            "genframe_plugins.metrics.units:active_units",
            summary="latents whose posterior mean depends on x",
        ),
        *OF_SAMPLES,
    ]

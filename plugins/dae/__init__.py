"""The denoising autoencoder: noise, losses and the pipeline."""

from pathlib import Path

from genframe import Component, hookimpl

GENFRAME_API = 1


@hookimpl
def genframe_noises() -> list[Component]:
    return [
        Component(
            "bit-flip",
            "genframe_plugins.dae.noises.bit_flip:BitFlip",
            summary="bits become the other one",
            needs=("bits",),
        ),
        Component("blend", "genframe_plugins.dae.noises.blend:Blend", summary="towards pure noise"),
        Component(
            "block-dropout",
            "genframe_plugins.dae.noises.block_dropout:BlockDropout",
            summary="squares of pixels become 0",
            needs=("image",),
        ),
        Component(
            "blur",
            "genframe_plugins.dae.noises.blur:Blur",
            summary="Gaussian, by a deviation in pixels",
            needs=("image",),
        ),
        Component(
            "compose",
            "genframe_plugins.dae.noises.compose:Compose",
            summary="several, one on top of the other",
            example={"parts": {"grain": {"use": "dae/gaussian", "std": 0.1}, "holes": "dae/masking"}},
        ),
        Component(
            "cutout",
            "genframe_plugins.dae.noises.cutout:Cutout",
            summary="a rectangle is cut out",
            needs=("image",),
        ),
        Component(
            "downsample",
            "genframe_plugins.dae.noises.downsample:Downsample",
            summary="made smaller, and large again",
            needs=("image",),
        ),
        Component(
            "flip",
            "genframe_plugins.dae.noises.flip:Flip",
            summary="labels become other ones",
            needs=("labels",),
        ),
        Component("gaussian", "genframe_plugins.dae.gaussian:GaussianNoise", summary="isotropic, additive"),
        Component(
            "gaussian-masking",
            "genframe_plugins.dae.noises.gaussian_masking:GaussianMasking",
            summary="additive, and zeros (Cho 2013)",
        ),
        Component(
            "jpeg",
            "genframe_plugins.dae.noises.jpeg:Jpeg",
            summary="quantised blocks of 8 x 8 pixels",
            needs=("image",),
        ),
        Component("masking", "genframe_plugins.dae.noises.masking:Masking", summary="values become 0"),
        Component(
            "one-of",
            "genframe_plugins.dae.noises.one_of:OneOf",
            summary="one of several for each example",
            example={"parts": {"grain": {"use": "dae/gaussian", "std": 0.3}, "holes": "dae/masking"}},
        ),
        Component("poisson", "genframe_plugins.dae.noises.poisson:PoissonNoise", summary="counts of photons"),
        Component(
            "rotate-crop",
            "genframe_plugins.dae.noises.rotate_crop:RotateCrop",
            summary="a disc is turned in its place",
            needs=("image",),
        ),
        Component(
            "salt-and-pepper",
            "genframe_plugins.dae.noises.salt_and_pepper:SaltAndPepper",
            summary="values become 0 or 1",
        ),
        Component(
            "speckle", "genframe_plugins.dae.noises.speckle:Speckle", summary="multiplicative, Gaussian"
        ),
        Component("uniform", "genframe_plugins.dae.noises.uniform:UniformNoise", summary="additive, bounded"),
    ]


@hookimpl
def genframe_decoders() -> list[Component]:
    return [
        Component(
            "gsn",
            "genframe_plugins.dae.chains.gsn:GSN",
            summary="generative stochastic network: hidden noise, tied weights, several steps",
            example={"hidden": [20, 20]},
        )
    ]


@hookimpl
def genframe_likelihoods() -> list[Component]:
    return [
        Component(
            "mixture-density",
            "genframe_plugins.dae.chains.mixture_density:MixtureDensity",
            summary="a mixture of Gaussians, all of it by the decoder",
        )
    ]


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "tangent-noise",
            "genframe_plugins.dae.chains.contractive:tangent_noise",
            summary="noise along the manifold that an encoder knows",
        ),
        Component(
            "tweedie",
            "genframe_plugins.dae.chains.score:tweedie",
            summary="the denoised x that a score tells",
        ),
    ]


@hookimpl
def genframe_samplers() -> list[Component]:
    return [
        Component(
            "chain",
            "genframe_plugins.dae.chains.chain:chain",
            summary="a Markov chain of corrupting and denoising, in parallel, clamped or not",
            example={"burn_in": 10},
        ),
        Component(
            "langevin",
            "genframe_plugins.dae.chains.langevin:langevin",
            summary="annealed Langevin dynamics by a denoiser's score",
        ),
    ]


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component(
            "contractive",
            "genframe_plugins.dae.chains.contractive:contractive",
            summary="squared Frobenius norm of the encoder's Jacobian",
        ),
        Component("l1", "genframe_plugins.dae.distances:l1", summary="mean absolute difference"),
        Component("mse", "genframe_plugins.dae.distances:mse", summary="mean squared difference"),
        Component("nll", "genframe_plugins.dae.nll:nll", summary="-log p(x): the negative log-likelihood"),
        Component(
            "score-matching",
            "genframe_plugins.dae.chains.score:score_matching",
            summary="the score of noised data, every level weighted alike",
        ),
        Component(
            "walkback",
            "genframe_plugins.dae.chains.walkback:walkback",
            summary="nll of the clean x along a chain that walks away from it",
        ),
    ]


@hookimpl
def genframe_recipes() -> list[Path]:
    return [Path(__file__).parent]

"""Losses of models with latent variables."""

from genframe import Component, hookimpl


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component("elbo", "genframe_plugins.vae.losses.elbo:elbo", summary="minus the evidence lower bound"),
        Component(
            "capacity",
            "genframe_plugins.vae.losses.capacity:capacity",
            summary="the rate drawn to a capacity that grows",
        ),
        Component("iwae", "genframe_plugins.vae.losses.iwae:iwae", summary="the importance-weighted bound"),
        Component(
            "stl",
            "genframe_plugins.vae.losses.stl:stl",
            summary="the ELBO, its gradient without the score of q",
        ),
        Component(
            "dreg",
            "genframe_plugins.vae.losses.dreg:dreg",
            summary="the importance-weighted bound, doubly reparametrised",
        ),
        Component(
            "miwae",
            "genframe_plugins.vae.losses.miwae:miwae",
            summary="the mean of importance-weighted bounds",
        ),
        Component("ciwae", "genframe_plugins.vae.losses.ciwae:ciwae", summary="a mixture of IWAE and ELBO"),
        Component(
            "relaxed-elbo",
            "genframe_plugins.vae.losses.relaxed:relaxed_elbo",
            summary="the bound of relaxed discrete codes",
        ),
        Component(
            "reinforce",
            "genframe_plugins.vae.losses.reinforce:Reinforce",
            summary="the ELBO of discrete codes: score function, running baseline",
        ),
        Component(
            "nvil",
            "genframe_plugins.vae.losses.nvil:NVIL",
            summary="the ELBO of discrete codes: score function, learned baseline",
        ),
        Component(
            "vimco",
            "genframe_plugins.vae.losses.vimco:vimco",
            summary="the importance-weighted bound of discrete codes",
        ),
        Component(
            "marginalised",
            "genframe_plugins.vae.losses.marginalised:marginalised",
            summary="the bound of examples without a label",
        ),
        Component(
            "mmd",
            "genframe_plugins.vae.losses.mmd:mmd",
            summary="the maximum mean discrepancy of two sets of draws",
        ),
        Component(
            "wae-mmd",
            "genframe_plugins.vae.losses.wae:wae",
            summary="squared error, and the codes' discrepancy from the prior",
        ),
        Component(
            "info",
            "genframe_plugins.vae.losses.info:info",
            summary="InfoVAE and MMD-VAE: a bound that values information",
        ),
        Component("rae", "genframe_plugins.vae.losses.rae:rae", summary="squared error, and small codes"),
        Component(
            "weight-penalty",
            "genframe_plugins.vae.losses.rae:weight_penalty",
            summary="the squares of a component's parameters",
        ),
        Component(
            "decoder-gradient",
            "genframe_plugins.vae.losses.rae:decoder_gradient",
            summary="the squared Jacobian of a decoder",
        ),
        Component(
            "dip",
            "genframe_plugins.vae.losses.dip:dip",
            summary="the ELBO, covariances of the codes drawn to the identity",
        ),
        Component(
            "beta-tc",
            "genframe_plugins.vae.losses.beta_tc:BetaTCVAE",
            summary="the rate taken apart: information, total correlation, marginals",
        ),
        Component(
            "log-ratio",
            "genframe_plugins.vae.losses.log_ratio:log_ratio",
            summary="a discriminator's logit as a log density ratio",
        ),
        Component("vq", "genframe_plugins.vae.losses.vq:vq", summary="the loss of vector quantisation"),
    ]

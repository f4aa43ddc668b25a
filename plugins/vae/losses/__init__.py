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
    ]

"""What bounds and metrics of latent variable models are computed from."""

from genframe import Component, hookimpl


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "rate-distortion",
            "genframe_plugins.vae.functions.bounds:rate_distortion",
            summary="KL(q||p) and -log p(x|z) of each x",
        ),
        Component(
            "importance-weights",
            "genframe_plugins.vae.functions.bounds:importance_weights",
            summary="log p(x, z) - log q(z|x) of k samples for each x",
        ),
    ]

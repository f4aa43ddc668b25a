"""What bounds and metrics of latent variable models are computed from."""

from genframe import Component, hookimpl


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "centre",
            "genframe_plugins.vae.functions.centre:centre",
            summary="the one code that stands for q(z|x)",
        ),
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
        Component(
            "annealed-importance",
            "genframe_plugins.vae.functions.annealing:annealed_importance",
            summary="log weights whose mean is p(x), by Hamiltonian moves from p(z) to p(z|x)",
        ),
        Component(
            "bidirectional-annealing",
            "genframe_plugins.vae.functions.annealing:bidirectional_annealing",
            summary="annealing from either side, on data of the model",
        ),
        Component(
            "negative-elbo",
            "genframe_plugins.vae.functions.bounds:negative_elbo",
            summary="minus the bound of each sample and example",
        ),
        Component(
            "bottom-up",
            "genframe_plugins.vae.functions.ancestral:bottom_up",
            summary="layers of latents, drawn from the first to the last",
        ),
        Component(
            "top-down",
            "genframe_plugins.vae.functions.ancestral:top_down",
            summary="layers of latents, drawn from the last to the first",
        ),
        Component(
            "precision-weighted",
            "genframe_plugins.vae.functions.precision:precision_weighted",
            summary="two Gaussians of a variable as one",
        ),
        Component(
            "two-part-code",
            "genframe_plugins.vae.functions.two_part:two_part_code",
            summary="-log p(code) and -log p(x|code)",
        ),
        Component(
            "perplexity",
            "genframe_plugins.vae.functions.two_part:perplexity",
            summary="how many codes are in use",
        ),
    ]

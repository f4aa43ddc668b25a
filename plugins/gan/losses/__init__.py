"""Losses of both sides of the game, and regularisers of the critic."""

from genframe import Component, hookimpl


@hookimpl
def genframe_losses() -> list[Component]:
    return [
        Component(
            "nonsaturating",
            "genframe_plugins.gan.losses.nonsaturating:Nonsaturating",
            summary="critic and generator of the first GAN",
        ),
        Component(
            "hinge", "genframe_plugins.gan.losses.hinge:Hinge", summary="critic and generator with margins"
        ),
        Component(
            "r1", "genframe_plugins.gan.losses.r1:r1", summary="squared gradient of the critic at real data"
        ),
        Component(
            "r2", "genframe_plugins.gan.losses.r1:r2", summary="squared gradient of the critic at fakes"
        ),
        Component(
            "gradient-penalty",
            "genframe_plugins.gan.losses.gradient_penalty:gradient_penalty",
            summary="the critic's slope between data and fakes, drawn to 1",
        ),
        Component(
            "dragan",
            "genframe_plugins.gan.losses.dragan:dragan",
            summary="the critic's slope near real data, drawn to 1",
        ),
        Component(
            "jensen-shannon",
            "genframe_plugins.gan.losses.jensen_shannon:jensen_shannon",
            summary="Roth's regulariser: noise on data and fakes, to the first order",
        ),
        Component(
            "minimax",
            "genframe_plugins.gan.losses.minimax:Minimax",
            summary="the zero-sum game of the first GAN",
        ),
        Component(
            "least-squares",
            "genframe_plugins.gan.losses.least_squares:LeastSquares",
            summary="critic and generator with targets for the scores",
        ),
        Component(
            "wasserstein",
            "genframe_plugins.gan.losses.wasserstein:Wasserstein",
            summary="differences of mean scores",
        ),
        Component(
            "relativistic",
            "genframe_plugins.gan.losses.relativistic:Relativistic",
            summary="each real example against one fake, as in R3GAN",
        ),
        Component(
            "relativistic-average",
            "genframe_plugins.gan.losses.relativistic:RelativisticAverage",
            summary="each example against the mean of the other side",
        ),
        Component(
            "d2gan",
            "genframe_plugins.gan.losses.d2gan:D2GAN",
            summary="two critics: one rewards real data, one fakes",
        ),
        Component(
            "feature-matching",
            "genframe_plugins.gan.losses.feature_matching:feature_matching",
            summary="the distance of mean features",
        ),
        Component(
            "mmd-gan",
            "genframe_plugins.gan.losses.mmd_gan:MMDGAN",
            summary="a discrepancy of the critic's features",
            example={"discrepancy": "vae/mmd"},
        ),
        Component(
            "told-apart",
            "genframe_plugins.gan.losses.told_apart:told_apart",
            summary="a critic's side task: which of several kinds it sees",
        ),
    ]

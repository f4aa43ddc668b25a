"""Functions between pictures and a critic."""

from genframe import Component, hookimpl


@hookimpl
def genframe_functions() -> list[Component]:
    return [
        Component(
            "ada",
            "genframe_plugins.gan.functions.ada:Ada",
            summary="how often to augment, led by how sure the critic is of real data",
        ),
        Component(
            "diff-augment",
            "genframe_plugins.gan.functions.diff_augment:diff_augment",
            summary="pictures brightened, shifted, cut: differentiable",
            needs=("image",),
        ),
        Component(
            "direction",
            "genframe_plugins.gan.functions.direction:direction",
            summary="an angle in degrees as cosine and sine",
        ),
        Component(
            "pack",
            "genframe_plugins.gan.functions.pack:Pack",
            summary="several examples as one, for a critic that judges them together",
        ),
        Component(
            "top-k",
            "genframe_plugins.gan.functions.top_k:top_k",
            summary="the best-judged fakes alone",
        ),
        Component(
            "unrolled",
            "genframe_plugins.gan.functions.unrolled:unrolled",
            summary="the verdict of the critic as it would be some steps on, differentiated through",
        ),
    ]

"""Nets of every kind at odd sizes: exact shapes, gradients everywhere, and errors that say what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from genframe_plugins.nets.conv import ConvDecoder, ConvEncoder
from genframe_plugins.nets.critics import ConvDiscriminator, MLPDiscriminator, PatchDiscriminator
from genframe_plugins.nets.layers import beside, joined
from genframe_plugins.nets.mlp import MLPDecoder, MLPEncoder
from genframe_plugins.nets.unet import UNet
from genframe_plugins.nets.unpooling import Unpool, UnpoolingDecoder
from tiny import resume, saved, small, train
from torch import Tensor, nn

from genframe import Shape, Verdict
from genframe.errors import RecipeError

PICTURES: list[Shape] = [(1, 28, 28), (3, 28, 20), (1, 17, 17), (3, 64, 64), (2, 9, 13), (1, 4, 7)]


def _assert_gradient_everywhere(net: nn.Module, result: Tensor) -> None:
    (result * torch.randn_like(result)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("shape", [*PICTURES, (2,), (784,)])
def test_mlps_reach_any_shape(shape: Shape) -> None:
    encoder, decoder = MLPEncoder(shape, hidden=(16, 8)), MLPDecoder((5,), shape, hidden=(8, 16))
    features, out = encoder(torch.rand(3, *shape)), decoder(torch.randn(3, 5))
    assert features.shape == (3, 8)
    assert out.shape == (3, *shape)
    _assert_gradient_everywhere(encoder, features)
    _assert_gradient_everywhere(decoder, out)


def test_weights_are_drawn_with_the_deviation_that_is_asked_for() -> None:
    """39,200 values tell a deviation to 0.4 %, a standard error."""
    encoder, decoder = MLPEncoder((784,), hidden=(50,), init_std=0.1), MLPDecoder((50,), (784,), init_std=0.0)
    (first,) = (layer for layer in encoder.net if isinstance(layer, nn.Linear))
    assert float(first.weight.std()) == pytest.approx(0.1, rel=0.03)
    assert not first.bias.any()
    assert not any(bool(p.any()) for p in decoder.parameters()), "the last layer too"


def test_an_mlp_decoder_without_hidden_layers_is_linear() -> None:
    decoder = MLPDecoder((2,), (3,), hidden=()).double()
    a, b = torch.randn(2, 1, 2, dtype=torch.float64).unbind()
    torch.testing.assert_close(decoder(a) + decoder(b) - decoder(torch.zeros_like(a)), decoder(a + b))


def test_unpooling_puts_each_value_into_the_corner_of_its_square() -> None:
    x = torch.randn(2, 3, 4, 5)
    for pool, more in ((2, (0, 0)), (3, (0, 0)), (2, (1, 0)), (2, (1, 1)), (1, (0, 0))):
        wanted = torch.zeros(2, 3, pool * 4 + more[0], pool * 5 + more[1])
        for row in range(4):
            for column in range(5):
                wanted[:, :, pool * row, pool * column] = x[:, :, row, column]
        assert torch.equal(Unpool(pool, more)(x), wanted)
    positive = x.abs()  # max pooling of its width and stride undoes it
    assert torch.equal(nn.functional.max_pool2d(Unpool(3)(positive), 3), positive)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("shape", PICTURES)
def test_an_unpooling_decoder_reaches_any_size_from_vectors_and_maps(shape: Shape, depth: int) -> None:
    first = (7, shape[1] >> depth, shape[2] >> depth)
    for start in ((5,), first):
        decoder = UnpoolingDecoder(start, shape, width=3, depth=depth, activation="elu")
        out = decoder(torch.randn(3, *start))
        assert out.shape == (3, *shape)
        _assert_gradient_everywhere(decoder, out)
    with pytest.raises(ValueError, match="depth 9 halves"):
        UnpoolingDecoder((5,), shape, depth=9)


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("shape", PICTURES)
def test_conv_nets_reach_any_size_from_vectors_and_maps(shape: Shape, depth: int, norm: str) -> None:
    x = torch.rand(3, *shape)
    for ends in ("vector", "map"):
        encoder = ConvEncoder(shape, width=4, depth=depth, ends=ends, features=8, norm=norm)
        features = encoder(x)
        decoder = ConvDecoder(features.shape[1:], shape, width=4, depth=depth, features=8, norm=norm)
        out = decoder(features.detach())
        assert features.ndim == (2 if ends == "vector" else 4)
        assert out.shape == x.shape
        _assert_gradient_everywhere(encoder, features)
        _assert_gradient_everywhere(decoder, out)


def test_a_conv_decoder_gives_other_channels_than_the_data_has() -> None:
    assert ConvDecoder((4,), (6, 28, 20))(torch.randn(2, 4)).shape == (2, 6, 28, 20)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ConvEncoder((1, 28, 28), depth=5), "depth 5 halves 28x28 to nothing; at most 4"),
        (lambda: ConvDecoder((4,), (1, 6, 28), depth=3), "depth 3 halves 6x28 to nothing; at most 2"),
        (lambda: ConvEncoder((784,)), r"takes pictures \(channels, height, width\), not \(784,\)"),
        (lambda: ConvDecoder((8, 14, 14), (1, 28, 28)), "a map of 14x14 where its depth needs 7x7"),
        (lambda: PatchDiscriminator((1, 2, 2)), "depth 2 halves 2x2 to nothing; at most 1"),
    ],
)
def test_sizes_that_can_not_be_are_refused_with_the_reason(
    make: Callable[[], nn.Module], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 28, 20), (1, 17, 17), (2, 9, 13)])
def test_discriminators_judge_any_picture(shape: Shape) -> None:
    x = torch.rand(3, *shape)
    for net in (
        MLPDiscriminator(shape),
        ConvDiscriminator(shape, width=4),
        PatchDiscriminator(shape, width=4),
    ):
        verdict = net(x)
        assert isinstance(verdict, Verdict)
        expected = (3, shape[1] // 4, shape[2] // 4) if isinstance(net, PatchDiscriminator) else (3,)
        assert verdict.score.shape == expected
        assert verdict.features is not None and verdict.features.shape[0] == 3 and verdict.features.ndim == 2
        _assert_gradient_everywhere(net, verdict.score)


@pytest.mark.parametrize("discriminator", [ConvDiscriminator, MLPDiscriminator, PatchDiscriminator])
def test_a_discriminators_score_depends_on_its_own_example_alone(discriminator: type[nn.Module]) -> None:
    net = discriminator((1, 16, 16))
    x = torch.rand(4, 1, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x).score[0].sum(), x)
    assert gradient[0].abs().sum() > 0
    assert gradient[1:].abs().sum() == 0


def test_a_patch_sees_as_far_as_its_docstring_says() -> None:
    net = PatchDiscriminator((1, 64, 64))
    x = torch.rand(1, 1, 64, 64, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x).score[0, 8, 8], x)
    rows = gradient[0, 0].abs().sum(1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 18


def test_the_conv_autoencoder_of_digits_has_its_stated_size() -> None:
    nets = ConvEncoder((1, 28, 28)), ConvDecoder((20,), (1, 28, 28))
    parameters = sum(p.numel() for net in nets for p in net.parameters())
    assert 0.85e6 < parameters < 0.95e6


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("shape", PICTURES)
def test_unets_reach_any_size_told_a_level_or_not(
    shape: Shape, depth: int, skips: bool, residual: bool
) -> None:
    x = torch.rand(3, *shape)
    options = {"width": 4, "depth": depth, "skips": skips, "residual": residual, "activation": "silu"}
    blind, told = UNet(shape, shape, **options), UNet((shape, ()), shape, **options)
    for net, result in ((blind, blind(x)), (told, told(x, torch.rand(3)))):
        assert result.shape == x.shape
        _assert_gradient_everywhere(net, result)


def test_a_unet_takes_the_sizes_that_it_was_not_built_for() -> None:
    net = UNet((1, 28, 28), (1, 28, 28), width=4)
    assert net(torch.rand(2, 1, 33, 50)).shape == (2, 1, 33, 50)


def test_a_residual_unet_takes_off_what_its_net_gives() -> None:
    torch.manual_seed(0)
    plain, residual = (UNet((3, 8, 8), (3, 8, 8), width=4, residual=on) for on in (False, True))
    residual.load_state_dict(plain.state_dict())
    x = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(residual(x), x - plain(x))


def test_without_skips_nothing_passes_but_the_narrowest_map() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 1, 16, 16)
    for skips in (True, False):
        net = UNet((1, 16, 16), (1, 16, 16), width=4, depth=2, skips=skips)
        torch.nn.init.zeros_(net.halve[-1].weight)  # the way down to the narrowest map is cut
        changed = not torch.equal(net(x), net(x.flip(2)))
        assert changed == skips


def test_a_level_changes_its_own_row_and_levels_of_0_to_1_come_apart() -> None:
    torch.manual_seed(0)
    net = UNet(((1, 12, 12), ()), (1, 12, 12), width=8)
    x = torch.rand(1, 1, 12, 12).expand(101, -1, -1, -1)
    level = torch.linspace(0, 1, 101)
    out = net(x, level)
    torch.testing.assert_close(net(x[:3], level[50:53]), out[50:53])
    apart = torch.pdist(out.flatten(1).detach())
    assert float(apart.min()) > 1e-3 * float(apart.max())
    two = UNet(((1, 12, 12), (2,)), (1, 12, 12), width=8)
    assert two(x[:3], torch.rand(3, 2)).shape == (3, 1, 12, 12)


@pytest.mark.parametrize(
    ("in_shape", "out_shape", "residual", "says"),
    [
        ((4,), (1, 28, 28), False, "from a picture to a picture"),
        ((1, 28, 28), (1, 28, 20), False, "same size"),
        ((1, 28, 28), (2, 28, 28), True, "channels"),
        ((1, 3, 28), (1, 3, 28), False, "at most 1"),
    ],
)
def test_a_unet_says_what_it_takes(in_shape: Shape, out_shape: Shape, residual: bool, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        UNet(in_shape, out_shape, residual=residual)


@pytest.mark.parametrize(
    "net", [MLPEncoder, ConvEncoder, MLPDiscriminator, ConvDiscriminator, PatchDiscriminator]
)
def test_a_net_sees_its_conditions(net: Callable[..., nn.Module]) -> None:
    built = net(((1, 28, 28), (10,), (2, 28, 28)))
    x, label, mask = torch.rand(3, 1, 28, 28), torch.rand(3, 10), torch.rand(3, 2, 28, 28)

    def features(*given: Tensor) -> Tensor:
        out = built(*given)
        return out.features if isinstance(out, Verdict) else out

    plain = features(x, label, mask)
    assert not torch.equal(plain, features(x, label + 1, mask))
    assert not torch.equal(plain, features(x, label, mask + 1))


def test_the_conv_net_gets_a_vector_as_constant_channels() -> None:
    x, label = torch.rand(2, 1, 4, 6), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    both = beside(x, [label])
    assert joined(((1, 4, 6), (2,))) == (3, 4, 6)
    assert torch.equal(both[:, :1], x)
    assert torch.equal(both[1, 2], torch.full((4, 6), 3.0))


@pytest.mark.parametrize("net", [MLPDecoder, ConvDecoder])
def test_a_decoder_takes_a_picture_beside_its_code(net: Callable[..., nn.Module]) -> None:
    decoder = net(((5,), (1, 28, 28)), (1, 28, 28))
    assert decoder(torch.rand(3, 5), torch.rand(3, 1, 28, 28)).shape == (3, 1, 28, 28)


def test_pictures_of_two_sizes_do_not_stand_beside_each_other() -> None:
    with pytest.raises(
        ValueError, match=r"condition of the shape \(1, 14, 14\) beside a picture \(1, 28, 28\)"
    ):
        ConvEncoder(((1, 28, 28), (1, 14, 14)))


def test_a_decoder_begins_at_the_marginals_of_the_training_data(tmp_path: Path) -> None:
    """With a rate of nothing the last biases stay the logits of the pixels' means; a resumed run's are its own."""
    settings = ("decoder.marginals=true", "decoder.glorot=true", "data.binarise=none", "optimizer.lr=0")
    run = train(small("vae/digits", *settings, "train={steps: 2}"), tmp_path / "run")
    begun = saved(run)["decoder/last.bias"]
    pictures = batches_of("digits")
    expected = pictures.mean((0, 1)).clamp(0.001, 0.999).logit()
    torch.testing.assert_close(begun.view(28, 28), expected, atol=1e-4, rtol=1e-4)
    moved = train(small("vae/digits", *settings[:3], "train={steps: 2}"), tmp_path / "moved")
    before = saved(moved)["decoder/last.bias"]
    resume(moved, "train.steps=3", "optimizer.lr=0")
    assert torch.equal(saved(moved)["decoder/last.bias"], before)
    assert not torch.equal(before, begun)


def batches_of(name: str) -> Tensor:
    """The training pictures of a dataset, float."""
    from genframe_plugins.data.digits import Digits

    return Digits().load("train")["x"].float() / 255


def test_marginals_of_a_likelihood_with_more_numbers_than_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        train(
            small("vae/digits", "decoder.marginals=true", "likelihood=gaussian-per-value"), tmp_path / "run"
        )
    assert "one logit a value, such as bernoulli" in caught.value.problems[0].message


def test_glorot_weights_have_the_width_of_the_paper() -> None:
    net = MLPEncoder((300,), hidden=(100,), glorot=True).net[0]
    bound = (6 / 400) ** 0.5
    assert float(net.weight.detach().abs().max()) == pytest.approx(bound, rel=0.01)
    assert float(net.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not net.bias.any()
    with pytest.raises(ValueError, match="one of them"):
        MLPEncoder((3,), glorot=True, init_std=0.1)


@pytest.mark.parametrize(
    "net", [MLPDecoder((5,), (1, 8, 8), spectral_norm=True), ConvDecoder((5,), (1, 8, 8), spectral_norm=True)]
)
def test_a_spectrally_normalised_decoder_has_weights_of_norm_one_and_rests_in_eval_mode(
    net: nn.Module,
) -> None:
    torch.manual_seed(0)
    for _ in range(60):
        net(torch.randn(2, 5))
    net.eval()
    kept = {key: value.clone() for key, value in net.state_dict().items()}
    net(torch.randn(2, 5))
    assert all(torch.equal(value, kept[key]) for key, value in net.state_dict().items())
    norms = [
        float(torch.linalg.matrix_norm(layer.weight, 2))
        for layer in net.modules()
        if isinstance(layer, nn.Linear)
    ]
    assert norms == pytest.approx([1.0] * len(norms), abs=0.02)

"""Nets of every kind at odd sizes: exact shapes, gradients everywhere, and errors that say what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from genframe_plugins.nets.conv import ConvDecoder, ConvEncoder
from genframe_plugins.nets.critics import ConvDiscriminator, MLPDiscriminator, PatchDiscriminator
from genframe_plugins.nets.layers import beside, joined
from genframe_plugins.nets.mlp import MLPDecoder, MLPEncoder
from genframe_plugins.nets.unet import UNet
from torch import Tensor, nn

from genframe import Shape, Verdict

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

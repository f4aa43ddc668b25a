"""Discriminators and generators of the GAN family, against formulas, loops and singular values."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from genframe_plugins.functions.rotations import rotate90
from genframe_plugins.gan.functions.pack import Pack
from genframe_plugins.nets.critics import ConvDiscriminator, Maxout, MLPDiscriminator, PatchDiscriminator
from genframe_plugins.nets.dcgan import DCGANDecoder, DCGANDiscriminator
from genframe_plugins.nets.joint import JointDiscriminator
from genframe_plugins.nets.mlp import MLPDecoder
from genframe_plugins.nets.norms import ConditionalNorm
from genframe_plugins.nets.resnet import ResNetDecoder
from genframe_plugins.nets.resnet_critic import ResNetDiscriminator
from genframe_plugins.nets.spectral import SpectralNorm, normalise_spectrally
from genframe_plugins.nets.verdicts import MinibatchDeviation
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import batch_of, codes, differing, numbers, plan_of, resume, saved, small, stepper_of, train
from torch import Tensor, nn

from genframe import Shape
from genframe.engine.outputs import Outputs
from genframe.errors import RecipeError


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(4, 40), st.integers(4, 40)),
    norm=st.sampled_from(["none", "batch", "group", "conditional"]),
)
def test_generators_and_critics_fit_pictures_of_any_size(shape: Shape, norm: str) -> None:
    z, c, x = torch.randn(3, 5), torch.eye(3), torch.rand(3, *shape)
    for decoder in (
        DCGANDecoder(((5,), (3,)), shape, width=2, norm=norm),
        ResNetDecoder(((5,), (3,)), shape, width=2, most=4, norm=norm),
    ):
        assert decoder(z, c).shape == (3, *shape)
        assert not torch.equal(decoder(z, c), decoder(z, c + z[:, :3])) or norm == "conditional"
    for critic in (DCGANDiscriminator(shape, width=2), ResNetDiscriminator(shape, width=2, most=4)):
        verdict = critic(x)
        assert verdict.score.shape == (3,)
        assert verdict.features is not None and verdict.features.shape[:1] == (3,)


@pytest.mark.parametrize(
    ("size", "first"), [((28, 28), 7), ((32, 32), 4), ((48, 48), 6), ((64, 64), 4), ((64, 32), 8)]
)
def test_the_first_map_is_the_last_that_is_at_least_4(size: tuple[int, int], first: int) -> None:
    decoder = DCGANDecoder((5,), (3, *size), width=2)
    unflatten = next(layer for layer in decoder.net if isinstance(layer, nn.Unflatten))
    assert unflatten.unflattened_size[1] == first


def test_dcgan_begins_with_the_weights_of_its_paper() -> None:
    decoder, critic = DCGANDecoder((100,), (1, 28, 28)), DCGANDiscriminator((1, 28, 28))
    for net in (decoder, critic):
        weights = [p.flatten() for name, p in net.named_parameters() if p.ndim > 1]
        assert float(torch.cat(weights).detach().std()) == pytest.approx(0.02, rel=0.02)
    norms = [layer for layer in critic.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 1, "none after the first convolution"


def test_maxout_is_the_largest_of_its_pieces() -> None:
    x = torch.randn(3, 12)
    expected = [[max(float(v) for v in row[4 * unit : 4 * unit + 4]) for unit in range(3)] for row in x]
    torch.testing.assert_close(Maxout(4)(x), torch.tensor(expected))


def test_the_first_gans_critic_has_its_layers_and_drops_at_input_and_layers() -> None:
    critic = MLPDiscriminator((784,), hidden=(240, 240), activation="maxout", pieces=5, dropout=(0.2, 0.5))
    layers = [layer for layer in critic.net if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(784, 1200), (240, 1200)]
    assert [layer.p for layer in critic.net if isinstance(layer, nn.Dropout)] == [0.2, 0.5, 0.5]
    x = torch.rand(4, 784)
    assert not torch.equal(critic(x).score, critic(x).score)
    critic.eval()
    assert torch.equal(critic(x).score, critic(x).score)


@pytest.mark.parametrize("shape", [(6, 5), (6, 3, 4, 2)])
def test_the_minibatch_deviation_is_that_of_each_group(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape).double()
    found = MinibatchDeviation(3)(x)
    torch.testing.assert_close(found[:, :-1], x)
    for start in (0, 3):
        group = x[start : start + 3].reshape(3, -1)
        deviations = [(group[:, k].var(correction=0) + 1e-8).sqrt() for k in range(group.shape[1])]
        expected = torch.stack(deviations).mean()
        torch.testing.assert_close(found[start : start + 3, -1], expected.expand_as(found[:3, -1]))


def test_a_small_batch_is_one_group_and_one_that_does_not_divide_is_refused() -> None:
    assert torch.equal(MinibatchDeviation(4)(torch.ones(1, 2))[0, 2], torch.tensor(1e-8).sqrt())
    with pytest.raises(ValueError, match="a batch of 6 does not divide into groups of 4"):
        MinibatchDeviation(4)(torch.rand(6, 2))


@pytest.mark.parametrize(
    "critic",
    [
        lambda shapes: MLPDiscriminator(shapes, hidden=(6,), conditions="projected"),
        lambda shapes: ConvDiscriminator(shapes, width=2, depth=2, conditions="projected"),
        lambda shapes: ResNetDiscriminator(shapes, width=2, conditions="projected", spectral_norm=False),
    ],
)
def test_a_projected_condition_is_multiplied_onto_the_features(critic: object) -> None:
    net = critic(((1, 8, 8), (3,)))  # type: ignore[operator]
    x, labels = torch.rand(4, 1, 8, 8), torch.tensor([0, 2, 1, 2])
    verdict = net(x, F.one_hot(labels, 3).float())
    phi, rows = verdict.features, net.last.embed.weight.T[labels]
    expected = phi @ net.last.weight[0] + net.last.bias + (rows * phi).sum(1)
    torch.testing.assert_close(verdict.score, expected)
    torch.testing.assert_close(net(x, torch.zeros(4, 3)).features, phi)


def test_nothing_to_project_and_labels_in_place_of_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"discriminator\(x, c\)"):
        MLPDiscriminator((4,), conditions="projected")
    with pytest.raises(ValueError, match=r"decoder\(z, c\)"):
        DCGANDecoder((4,), (1, 8, 8), norm="conditional")
    with pytest.raises(TypeError, match="one-hot"):
        MLPDiscriminator(((4,), ()))(torch.rand(2, 4), torch.tensor([1, 2]))


@pytest.mark.parametrize("pictures", [True, False])
def test_a_conditional_norm_is_batch_norm_with_a_gain_and_a_shift_a_class(pictures: bool) -> None:
    norm = ConditionalNorm(5, 3, pictures)
    x = torch.randn(8, 5, *((4, 6) if pictures else ()))
    labels = torch.randint(3, (8,))
    plain = F.batch_norm(x, None, None, training=True)
    torch.testing.assert_close(norm(x, F.one_hot(labels, 3).float()), plain, msg="it begins plain")
    nn.init.normal_(norm.told.weight)
    nn.init.normal_(norm.told.bias)
    found = norm(x, F.one_hot(labels, 3).float())
    for label in range(3):
        gain, shift = (norm.told.weight[:, label] + norm.told.bias).chunk(2)
        expected = F.batch_norm(x, None, None, 1 + gain, shift, training=True)
        torch.testing.assert_close(found[labels == label], expected[labels == label])


def test_z_itself_may_move_the_norms() -> None:
    decoder = MLPDecoder(((5,), (5,)), (2,), hidden=(8,), norm="conditional")
    z = torch.randn(6, 5)
    before = decoder(z, z)
    nn.init.normal_(decoder.net[1].told.weight)
    assert not torch.equal(decoder(z, z), before)


LAYERS = [nn.Linear(12, 7), nn.Conv2d(3, 6, 4), nn.ConvTranspose2d(5, 3, 4)]


def largest(layer: nn.Module) -> float:
    """The largest singular value of what is normalised, by a decomposition; outputs are the rows."""
    weight: Tensor = layer.parametrizations.weight.original.detach()  # type: ignore[union-attr, operator]
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return float(torch.linalg.svdvals(weight.flatten(1))[0])


@pytest.mark.parametrize("layer", LAYERS, ids=["linear", "conv", "transposed"])
def test_weights_are_divided_by_their_largest_singular_value(layer: nn.Module) -> None:
    normalise_spectrally(layer, True)
    original: Tensor = layer.parametrizations.weight.original  # type: ignore[union-attr, assignment]
    for _ in range(100):  # a weight that moves is followed
        with torch.no_grad():
            original.add_(0.001 * torch.randn_like(original))
        scale = float((original / layer.weight).detach().mean())
    assert scale == pytest.approx(largest(layer), rel=1e-2)


def test_the_gradient_through_the_norm_is_that_of_the_paper() -> None:
    """Eq. 12: (G - lambda u v^T) / sigma, lambda the mean of G . W / sigma; a finite difference beside it."""
    weight = torch.randn(4, 6, dtype=torch.float64)
    torch.manual_seed(0)
    norm = SpectralNorm(weight.float(), False).eval().double()
    u, s, v = torch.linalg.svd(weight)
    norm.v.copy_(v[0])
    norm.seen.copy_(u[:, 0] * s[0])
    toward = torch.randn_like(weight)

    def value(w: Tensor) -> Tensor:
        return (w / torch.linalg.svdvals(w)[0] * toward).sum()

    w = weight.clone().requires_grad_()
    (norm(w) * toward).sum().backward()
    outer = torch.outer(u[:, 0], v[0])
    due = (toward - (toward * weight / s[0]).sum() * outer) / s[0]
    assert w.grad is not None
    torch.testing.assert_close(w.grad, due, rtol=1e-8, atol=1e-9)
    way = torch.randn_like(weight)
    slope = (value(weight + 1e-6 * way) - value(weight - 1e-6 * way)) / 2e-6
    assert float((due * way).sum()) == pytest.approx(float(slope), rel=1e-4)


def test_one_step_is_taken_a_move_of_the_weight_and_none_in_eval_mode() -> None:
    net = ConvDiscriminator((1, 8, 8), width=2, depth=1, spectral_norm=True)
    x = torch.rand(4, 1, 8, 8)
    parametrised = net.net[0].parametrizations.weight
    begun = parametrised[0].v.clone()
    first, second = net(x).score, net(torch.cat([x, x])).score
    assert torch.equal(parametrised[0].v, begun), "the weight has not moved"
    torch.testing.assert_close(first, second[:4])
    with torch.no_grad():
        parametrised.original.add_(0.1 * torch.randn_like(parametrised.original))
    net.eval()
    net(x)
    assert torch.equal(parametrised[0].v, begun)
    net.train()
    first = net(x).score
    moved = parametrised[0].v.clone()
    second = net(x).score
    assert not torch.equal(moved, begun)
    assert torch.equal(parametrised[0].v, moved)
    (first.sum() + second.sum()).backward()  # the state was written twice, and no graph holds it


SPECTRAL = ("discriminator.spectral_norm=true", "discriminator.depth=2")


def test_a_training_move_takes_a_step_and_an_output_none() -> None:
    plan = plan_of(small("gan/digits", *SPECTRAL))
    critic = plan.parts["discriminator"]
    begun = numbers(critic)
    stepper = stepper_of(plan)
    stepper.step(0, batch_of(plan))
    after = numbers(critic)
    assert any(key.endswith(".v") for key in differing(begun, after))
    with Outputs(plan).evaluating("a test"):
        critic(batch_of(plan)["x"])
    assert differing(after, numbers(critic)) == []


def test_a_resumed_run_has_the_singular_vectors_of_one_never_stopped(tmp_path: Path) -> None:
    whole = train(small("gan/digits", *SPECTRAL, "train={steps: 6}"), tmp_path / "whole")
    half = train(small("gan/digits", *SPECTRAL, "train={steps: 3}"), tmp_path / "half")
    resume(half, "train.steps=6")
    state = saved(whole)
    assert any(key.endswith(".seen") for key in state)
    assert differing(state, saved(half)) == []


def test_packs_are_neighbours_on_channels() -> None:
    x = torch.rand(6, 2, 4, 4)
    packed = Pack(samples=3)(x)
    assert packed.shape == (2, 6, 4, 4)
    for pack in range(2):
        expected = torch.cat([x[3 * pack + k] for k in range(3)])
        assert torch.equal(packed[pack], expected)
    assert torch.equal(Pack()(x.flatten(1))[1], torch.cat([x[2].flatten(), x[3].flatten()]))
    with pytest.raises(ValueError, match="a batch of 6 does not divide into packs of 4"):
        Pack(samples=4)(x)


@pytest.mark.parametrize("samples", [2, 4])
def test_a_packing_critic_is_tried_with_packs_enough(samples: int) -> None:
    plan = plan_of(small("gan/pac-ring", f"functions.packed.samples={samples}"))
    assert plan.shapes["real_verdict"].startswith("Verdict(tensor 2,")
    assert plan.routing["generator"] == {"generator_loss": ("decoder",)}


@pytest.mark.parametrize(
    ("name", "override", "says"),
    [
        ("gan/pac-ring", "functions.packed.samples=3", "packed takes batches that divide by 3"),
        ("gan/digits", "discriminator.minibatch_std=5", "discriminator takes batches that divide by 5"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused_before_training(name: str, override: str, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_of(small(name, override))
    assert codes(caught.value.problems) == ["GF547"]
    assert says in caught.value.problems[0].message
    assert "batch_size is 16: 15, say" in caught.value.problems[0].message


def test_turned_pictures_are_turned_by_what_they_say_a_quarter_in_each_position() -> None:
    torch.manual_seed(0)
    x = torch.rand(8, 2, 5, 5)
    turned, quarters = rotate90(x)
    assert quarters.bincount().tolist() == [2, 2, 2, 2]
    for row, by in enumerate(quarters.tolist()):
        assert torch.equal(turned[row], torch.rot90(x[row], by, (1, 2)))
    with pytest.raises(ValueError, match="square"):
        rotate90(torch.rand(2, 1, 4, 5))


def test_a_joint_critic_judges_the_pair() -> None:
    critic = JointDiscriminator(((1, 8, 8), (4,)), width=2)
    x, z = torch.rand(3, 1, 8, 8, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    score = critic(x, z).score
    assert score.shape == (3,)
    pictures, latents = torch.autograd.grad(score[0], [x, z])
    assert pictures[0].any() and latents[0].any() and not pictures[1:].any() and not latents[1:].any()
    cross = (
        torch.autograd.grad(critic(x, z).score.sum(), x)[0]
        - torch.autograd.grad(critic(x, z + 1).score.sum(), x)[0]
    )
    assert cross.any(), "what it thinks of a picture hangs on the code"


@pytest.mark.parametrize("norm", ["none", "batch", "group", "layer", "instance"])
def test_critics_of_patches_and_pictures_take_every_norm(norm: str) -> None:
    x = torch.rand(3, 1, 16, 16)
    assert PatchDiscriminator((1, 16, 16), width=4, norm=norm)(x).score.shape == (3, 4, 4)
    net = ConvDiscriminator((1, 16, 16), width=4, depth=2, norm=norm)
    net(x).score.sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in net.parameters())


@pytest.mark.parametrize(
    ("override", "code", "says"),
    [
        ("wires.real_class=nll(c, class_law(real_verdict.score))", "GF508", "class_law"),
        ("wires.real_class=nll(c, kind_law(real_verdict.features))", None, "kind_law"),
        ("wires.real_class=nll(kind, class_law(real_verdict.features))", None, "kind"),
        ("data={use: swiss-roll}", None, ""),
        ("functions.class_of.classes=12", "GF508", "a law of values (10,)"),
        ("players.critic.trains=[class_law]", "GF510", "nobody trains 'discriminator'"),
        ("players.critic.trains=[discriminator]", "GF510", "nobody trains 'class_law'"),
    ],
)
def test_a_side_task_that_lacks_something_is_told_so(override: str, code: str | None, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_of(small("gan/acgan-digits", override))
    problem = caught.value.problems[0]
    assert says in problem.message
    assert code in (None, problem.code)

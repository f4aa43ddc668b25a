"""What stands between pictures and a critic: augmentation, its strength, diffusion, turned discs, side tasks."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from genframe_plugins.dae.noises.rotate_crop import RotateCrop
from genframe_plugins.functions.tensors import columns
from genframe_plugins.gan.functions.ada import Ada
from genframe_plugins.gan.functions.diff_augment import diff_augment
from genframe_plugins.gan.functions.direction import direction
from genframe_plugins.gan.losses.told_apart import told_apart
from genframe_plugins.gan.noises.diffusion import Diffusion
from genframe_plugins.metrics.told_level import told_level
from tiny import differing, plan_of, resume, rows, saved, small, stepper_of
from torch import Tensor

from genframe import GenframeError, Levels, Verdict
from genframe.engine import loop

NOTHING = {"brightness": 0.0, "saturation": 0.0, "contrast": 0.0, "translation": 0.0, "cutout": 0.0}
PICTURES = pytest.mark.parametrize("channels", [1, 3])


def pictures(count: int, channels: int, height: int = 12, width: int = 9) -> Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(3))


def alone(x: Tensor, seed: int = 0, p: float = 1.0, **change: float) -> Tensor:
    """One change by itself."""
    torch.manual_seed(seed)
    return diff_augment(x, p, **{**NOTHING, **change})


# --- augmentation, beside a loop over pictures ---


@PICTURES
def test_brightness_adds_one_number_to_a_picture_within_its_bounds(channels: int) -> None:
    x = pictures(400, channels)
    added = (alone(x, brightness=0.25) - x).flatten(1)
    torch.testing.assert_close(added, added[:, :1].expand_as(added), atol=1e-6, rtol=0)
    numbers = added[:, 0]
    assert -0.25 <= float(numbers.min()) < -0.24 and 0.24 < float(numbers.max()) <= 0.25
    assert len(numbers.unique()) > 390


def test_saturation_and_contrast_stretch_each_pictures_distances_from_its_own_means() -> None:
    x = pictures(300, 3)
    for name, amount, means in (
        ("saturation", 1.0, x.mean(1, keepdim=True)),
        ("contrast", 0.5, x.mean((1, 2, 3), keepdim=True)),
    ):
        changed = alone(x, **{name: amount})
        factors = []
        for one, other, mean in zip(x, changed, means, strict=True):
            distance = (one - mean).flatten()
            factor = float(distance @ (other - mean).flatten() / (distance @ distance))
            torch.testing.assert_close(other, mean + factor * (one - mean), atol=1e-5, rtol=0)
            factors.append(factor)
        assert 1 - amount <= min(factors) < 1 - 0.95 * amount and 1 + 0.95 * amount < max(factors)
        assert max(factors) <= 1 + amount + 1e-5


def test_saturation_leaves_one_channel_as_it_is() -> None:
    x = pictures(20, 1)
    torch.testing.assert_close(alone(x, saturation=1.0), x)


@PICTURES
def test_translation_moves_each_picture_by_whole_pixels_and_fills_what_comes_in(channels: int) -> None:
    """A picture equals one of the 5 x 5 that slices make; in 400 one of them is missing with a chance of 2e-6."""
    x = pictures(400, channels, 12, 18)  # an eighth: 2 rows (1.5, rounded up), 2 columns (2.25)
    moved = alone(x, translation=0.125, fill=0.5)
    hits = torch.stack(
        [
            (moved == shifted(x, down, right)).flatten(1).all(1)
            for down in range(-2, 3)
            for right in range(-2, 3)
        ]
    )
    assert bool((hits.sum(0) == 1).all()) and bool(hits.any(1).all())


def shifted(x: Tensor, down: int, right: int) -> Tensor:
    height, width = x.shape[-2:]
    moved = torch.full_like(x, 0.5)
    to_rows, from_rows = (slice(max(sign * down, 0), height + min(sign * down, 0)) for sign in (1, -1))
    to_columns, from_columns = (slice(max(sign * right, 0), width + min(sign * right, 0)) for sign in (1, -1))
    moved[..., to_rows, to_columns] = x[..., from_rows, from_columns]
    return moved


@PICTURES
def test_cutout_blanks_a_rectangle_whose_centre_lies_anywhere(channels: int) -> None:
    """Half of 12 rows and of 9 columns (5): each hole is a rectangle, cut off by the edge."""
    x = pictures(600, channels)
    cut, tops, lefts = alone(x, cutout=0.5, fill=7.0), set(), set()
    for one, other in zip(x, cut, strict=True):
        hole = other == 7
        assert torch.equal(torch.where(hole, 7.0, one), other)
        assert torch.equal(hole, hole[:1].expand_as(hole))
        at_rows, at_columns = hole[0].any(1).nonzero().flatten(), hole[0].any(0).nonzero().flatten()
        assert int(hole[0].sum()) == len(at_rows) * len(at_columns)
        tops.add((int(at_rows[0]), int(at_rows[-1])))
        lefts.add((int(at_columns[0]), int(at_columns[-1])))
    assert tops == {(max(c - 3, 0), min(c + 2, 11)) for c in range(13)}
    assert lefts == {(max(c - 2, 0), min(c + 2, 8)) for c in range(9)}


def test_each_change_happens_with_chance_p_and_none_at_p_0() -> None:
    """2,000 pictures, p = 0.3: the share that changed within 5 standard deviations (0.05), for each change."""
    x = pictures(2000, 3)
    torch.manual_seed(0)
    assert torch.equal(diff_augment(x, 0.0), x)
    for name, amount in (("brightness", 0.25), ("saturation", 1.0), ("contrast", 0.5), ("cutout", 0.5)):
        changed = alone(x, p=0.3, **{name: amount}) - x
        share = float((changed.abs().flatten(1).amax(1) > 1e-5).float().mean())
        assert abs(share - 0.3) < 0.05, name
    shift = alone(x, p=torch.tensor(0.3), translation=0.125)
    share = float(((shift - x).abs().flatten(1).amax(1) > 0).float().mean())
    assert abs(share - 0.3 * 8 / 9) < 0.05  # of nine shifts one moves nothing


def test_the_gradient_of_an_augmentation_is_that_of_finite_differences() -> None:
    x = pictures(2, 2, 4, 3).double().requires_grad_()

    def augmented(picture: Tensor) -> Tensor:
        torch.manual_seed(4)
        return diff_augment(picture)

    assert torch.autograd.gradcheck(augmented, (x,), atol=1e-7)
    assert torch.autograd.gradgradcheck(augmented, (x,), atol=1e-7)  # a penalty goes through it twice


def test_vectors_are_refused_with_the_reason() -> None:
    with pytest.raises(
        ValueError, match=r"pictures \(batch, channels, height, width\), not \(4, 2\).*instance"
    ):
        diff_augment(torch.rand(4, 2))


def test_a_recipe_that_augments_points_is_refused_before_training() -> None:
    with pytest.raises(GenframeError, match="vectors have no brightness"):
        plan_of(small("gan/noise/ring", "wires.judge(v)=discriminator(diff_augment(v))"))


# --- adaptive augmentation ---


def test_p_follows_the_rule_of_a_hand_loop() -> None:
    """Scores of changing signs, over 60 steps of 8 and of 5: p after each is that of a loop with plain numbers."""
    ada, chances = Ada(target=0.6, every=4, examples=300, cap=0.5), random.Random(2)
    p, signs, seen = 0.0, 0, 0
    for step in range(60):
        sure = 0.97 if step < 40 else 0.3
        scores = [1.0 if chances.random() < sure else -1.0 for _ in range(8 if step % 3 else 5)]
        signs, seen = signs + sum(scores), seen + len(scores)
        if step % 4 == 3:
            r = signs / seen
            p = min(max(p + ((r > 0.6) - (r < 0.6)) * seen / 300, 0.0), 0.5)
            signs, seen = 0, 0
        logged = ada.adapt(Verdict(torch.tensor(scores) * 3.0)).logged
        assert float(ada()) == pytest.approx(p, abs=1e-6)
        assert float(logged["sign"]) == pytest.approx(sum(scores) / len(scores))
        assert float(logged["p"]) == pytest.approx(p, abs=1e-6)
        if step == 39:
            assert p == 0.5  # it stops at its cap
    assert p < 0.5  # and comes down again


def test_p_stays_where_it_is_outside_of_training() -> None:
    ada = Ada(every=1, examples=10).eval()
    ada.adapt(Verdict(torch.ones(8)))
    assert float(ada()) == 0
    ada.train().adapt(Verdict(torch.ones(8)))
    assert float(ada()) == pytest.approx(0.8)


@pytest.mark.parametrize("recipe", ["gan/noise/adaptive", "gan/noise/diffusion"])
def test_a_resumed_run_has_the_p_of_one_that_was_never_stopped(recipe: str, tmp_path: Any) -> None:
    more = ("function.examples=100", "function.target=-1", "function.every=4", "train.log.every=1")
    loop.train(small(recipe, *more, "train.steps=6", "train.checkpoint.every=6"), tmp_path / "whole")
    loop.train(small(recipe, *more, "train.steps=3", "train.checkpoint.every=3"), tmp_path / "parts")
    resume(tmp_path / "parts", "train.steps=6")
    whole, parts = saved(tmp_path / "whole"), saved(tmp_path / "parts")
    assert not differing(whole, parts)
    assert float(whole["function/seen"]) == 2 * 16  # it stopped between two moves of p, and knows where
    assert rows(tmp_path / "whole")[-1]["terms"]["adapted/p"] == pytest.approx(float(whole["function/p"]))


def test_nobody_is_taught_by_the_term_that_moves_p() -> None:
    plan = plan_of(small("gan/noise/adaptive"))
    assert plan.routing["critic"] == {
        "critic_loss": ("discriminator",),
        "penalty": ("discriminator",),
        "adapted": (),
    }


# --- diffusion ---


def kept(t: int) -> float:
    """a_t of the paper's schedule, by a loop."""
    share = 1.0
    for i in range(t):
        share *= 1 - (1e-4 + (2e-2 - 1e-4) * i / 999)
    return share


@pytest.mark.parametrize("t", [0, 1, 10, 250, 1000])
def test_diffused_values_have_the_mean_and_the_variance_of_the_closed_form(t: int) -> None:
    """40,000 values at x = 0.8: mean and standard deviation within 6 standard errors (a false alarm in 10^8)."""
    noise, x = Diffusion(std=0.5, centre=0.3), torch.full((40, 1000), 0.8)
    torch.manual_seed(t)
    y = noise.noised(x, level=t / 1000).double()
    mean = math.sqrt(kept(t)) * 0.8 + (1 - math.sqrt(kept(t))) * 0.3
    std = math.sqrt(1 - kept(t)) * 0.5
    assert float(y.mean()) == pytest.approx(mean, abs=6 * std / 200 + 1e-6)
    assert float(y.std()) == pytest.approx(std, rel=6 / math.sqrt(80_000), abs=1e-6)


def test_the_end_of_the_schedule_is_that_of_the_published_one() -> None:
    assert kept(1000) == pytest.approx(4.04e-5, rel=0.01)  # Ho et al. 2020: sqrt is about 0.0064
    x = torch.ones(1, 4)
    torch.manual_seed(0)
    far = Diffusion(std=1e-9).noised(x, level=1.0)
    torch.testing.assert_close(far, x * math.sqrt(kept(1000)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("times", ["priority", "uniform"])
def test_steps_are_drawn_up_to_T_with_their_chances(times: Any) -> None:
    """60,000 draws for T = 28: each step's share within 6 standard deviations of its chance; t = 0 is half of them."""
    noise, x = Diffusion(steps=100, first=8, times=times), torch.zeros(60_000, 1)
    torch.manual_seed(1)
    _, levels = noise.upto(x, torch.tensor(20 / 92))
    counts = torch.bincount((levels.time * 100).round().long(), minlength=101).double() / 60_000
    weights = torch.arange(1, 29).double() if times == "priority" else torch.ones(28).double()
    due = torch.cat([torch.tensor([0.5]).double(), 0.5 * weights / weights.sum(), torch.zeros(72).double()])
    assert bool(((counts - due).abs() <= 6 * (due * (1 - due) / 60_000).sqrt() + 1e-12).all())


def test_diffusion_begins_at_its_first_steps_and_ends_at_the_last() -> None:
    noise, x = Diffusion(clean=0.0), torch.zeros(5000, 1)
    for p, last in ((0.0, 0.010), (1.0, 1.0)):
        torch.manual_seed(0)
        time = noise.upto(x, p)[1].time
        assert float(time.max()) == pytest.approx(last) and float(time.min()) >= 0.001


def test_a_diffusion_of_labels_or_with_too_late_a_first_step_is_refused() -> None:
    with pytest.raises(TypeError, match=r"real values, got torch\.int64"):
        Diffusion()(torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="at most steps, 5, not 10"):
        Diffusion(steps=5)


# --- turned discs ---


def middle(side: int) -> Tensor:
    """The distance of each pixel from the centre, in pixels."""
    place = torch.arange(side) + 0.5 - side / 2
    return (place[:, None].square() + place[None, :].square()).sqrt()


def turned(x: Tensor, angle: float, **more: float) -> Tensor:
    level = torch.tensor([[angle, 1.0, 0.5, 0.5]]).expand(len(x), 4)
    return RotateCrop(outside=0.0, **more).noised(x, level=Levels(level, RotateCrop.columns))


@pytest.mark.parametrize(("angle", "turns"), [(90.0, 1), (-90.0, -1), (180.0, 2), (0.0, 0)])
def test_a_disc_turned_by_right_angles_is_that_of_rot90_and_outside_of_it_nothing_is_left(
    angle: float, turns: int
) -> None:
    x = pictures(3, 2, 16, 16)
    due, found = torch.rot90(x, turns, (2, 3)), turned(x, angle)
    inside, outside = middle(16) <= 7, middle(16) >= 8
    torch.testing.assert_close(found[..., inside], due[..., inside], atol=1e-5, rtol=0)
    assert not found[..., outside].any()


def test_turning_back_gives_the_disc_again() -> None:
    """A smooth picture, twice interpolated: far nearer to the disc than its own contrast."""
    place = torch.arange(32).float()
    x = (0.5 + 0.5 * torch.sin(place[:, None] / 5) * torch.cos(place[None, :] / 4)).expand(1, 1, 32, 32)
    back = turned(turned(x, 37.0), -37.0)
    inside = middle(32) <= 14
    assert float((back - x)[..., inside].abs().max()) < 0.02 < 0.2 < float(x[..., inside].std())


def test_a_row_of_zeros_leaves_the_picture_and_its_corners() -> None:
    x = pictures(3, 1, 8, 8)
    assert torch.equal(RotateCrop(outside=0.0).noised(x, level=0), x)


# --- side tasks ---


def test_directions_are_those_of_angles_and_meet_at_180() -> None:
    found = direction(torch.tensor([0.0, 90.0, -180.0, 180.0, 30.0]))
    due = torch.tensor([[1, 0], [0, 1], [-1, 0], [-1, 0], [3**0.5 / 2, 0.5]])
    torch.testing.assert_close(found, due, atol=1e-6, rtol=0)


def test_levels_are_columns_of_one_vector() -> None:
    a, b = torch.arange(4.0), torch.arange(4.0) + 10
    assert torch.equal(columns([a, b]), torch.tensor([[0, 10], [1, 11], [2, 12], [3, 13.0]]))
    with pytest.raises(ValueError, match=r"\(4,\), \(3,\)"):
        columns([a, b[:3]])


def test_told_apart_is_the_cross_entropy_of_each_kind_with_its_number() -> None:
    torch.manual_seed(0)
    logits = [torch.randn(5, 4) for _ in range(3)]
    due = torch.stack(
        [
            torch.nn.functional.cross_entropy(one, torch.full((5,), kind), reduction="none")
            for kind, one in enumerate(logits)
        ]
    )
    torch.testing.assert_close(told_apart(logits), due.mean(0))
    with pytest.raises(ValueError, match="5 kinds, but logits for 4 classes"):
        told_apart([*logits, *logits[:2]])
    with pytest.raises(ValueError, match="alike in shape"):
        told_apart([logits[0], logits[1][:, :2]])


def test_a_condition_made_of_a_list_is_a_condition_of_each_example() -> None:
    """`columns([level])` has the dimensions in front that its parts have: the critic gets one channel more."""
    plan = plan_of(small("gan/noise/diffusion"))
    assert plan.parts.shapes["discriminator"] == ((1, 28, 28), (1,))


@pytest.mark.parametrize("name", ["gan/noise/level", "gan/noise/rotation", "gan/noise/kinds"])
def test_a_generator_is_taught_by_the_side_task_and_does_not_teach_it(name: str) -> None:
    """A step of the generator alone moves the decoder and leaves critic and side task as they are."""
    term = "fake_as_real" if name.endswith("kinds") else "told_of_fake"
    plan = plan_of(
        small(name, "players.critic.until=0", f"players.generator.minimises={{generator_loss: 0, {term}: 1}}")
    )
    stepper = stepper_of(plan)
    before = {
        (part, key): tensor.clone()
        for part, module in plan.parts.modules().items()
        for key, tensor in module.named_parameters()
    }
    batch = {"x": torch.rand(16, 1, 28, 28), "y": torch.zeros(16, dtype=torch.int64)}
    stepper.step(0, batch)
    moved = {
        part
        for part, module in plan.parts.modules().items()
        for key, tensor in module.named_parameters()
        if not torch.equal(tensor, before[part, key])
    }
    assert moved == {"decoder"}


# --- how well a level is told ---


class Data:
    """Pictures in batches, as a metric gets them."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def batches(self, size: int) -> Iterator[dict[str, Tensor]]:
        for start in range(0, len(self.x), size):
            yield {"x": self.x[start : start + size]}


def test_told_level_is_1_for_one_that_knows_and_0_for_one_that_says_the_mean() -> None:
    def corruption(x: Tensor) -> tuple[Tensor, Levels]:
        angle = torch.linspace(-180, 180, len(x))
        return x + angle[:, None, None, None] / 1000, Levels(
            torch.stack([angle, angle], 1), ("angle", "other")
        )

    data, sample = Data(torch.zeros(400, 1, 4, 4)), lambda n: torch.full((n, 1, 4, 4), 9.0)
    knows = lambda x: direction(1000 * (x - x.mean().round()).mean((1, 2, 3)))  # noqa: E731
    good = told_level(corruption, knows, sample, data, column="angle", circular=True)
    assert good["told"] == pytest.approx(1, abs=1e-4) and good["told_of_samples"] == pytest.approx(
        1, abs=1e-3
    )
    assert good["trick"] > 0.9  # the mean gives it away
    idle = told_level(corruption, lambda x: torch.zeros(len(x), 1), sample, data, column="other")
    assert idle["told"] == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="levels angle, other, and no column 'std'"):
        told_level(corruption, knows, sample, data, column="std")
    with pytest.raises(ValueError, match="2 numbers of each example, where 1 are asked for"):
        told_level(corruption, knows, sample, data)

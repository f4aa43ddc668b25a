"""The yardstick: loops written by hand for one model each, as lean as we know how to write them.

The data are one tensor of bytes, a batch is an `index_select` by a permutation, Adam is fused, losses are taken
from logits, and nothing in a step waits for the device or reads a number from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import nets
import torch
import torch.nn.functional as F
from pictures import pictures
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

Train = Callable[[int], float]
"""Makes so many steps more and returns their mean loss."""


def batches(batch_size: int) -> Iterator[Tensor]:
    """x (batch, 1, 28, 28) in [0, 1], epoch after epoch; the last part batch of an epoch is dropped."""
    data = torch.from_numpy(pictures())
    while True:
        order = torch.randperm(len(data))
        for start in range(0, len(data) - batch_size + 1, batch_size):
            yield data.index_select(0, order[start : start + batch_size]).div(255)


def vae(model: str, *, bf16: bool = False) -> tuple[int, Train]:
    """The number of parameters of a VAE, and its loop; the loss is minus the evidence lower bound per picture."""
    net = nets.vae(model)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    feed = batches(nets.BATCH[model])

    def train(steps: int) -> float:
        total = torch.zeros(())
        for _ in range(steps):
            x = next(feed)
            with _precision(bf16):
                mean, log_variance = net.encode(x)
            mean, log_variance = mean.float(), log_variance.float()
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            with _precision(bf16):
                logits = net.decoder(z)
            distortion = F.binary_cross_entropy_with_logits(logits.float(), x, reduction="sum")
            rate = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
            loss = (distortion + rate) / len(x)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        return float(total) / steps

    return sum(p.numel() for p in net.parameters()), train


def dae(model: str, *, channels_last: bool = False) -> tuple[int, Train]:
    """The number of parameters of a denoiser, and its loop; the loss is the cross-entropy per picture.

    `gradient-noise` adds noise of variance 0.01 / (1 + t)^0.55 to the gradients before the optimizer's step;
    `weight-noise` noise of deviation 0.01 to the weights while the gradient is computed.
    """
    net = nets.denoiser(model)
    if channels_last:
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = list(net.parameters())
    optimizer = torch.optim.Adam(weights, 1e-3, fused=True)
    feed = batches(nets.BATCH[model])
    made = 0

    def shake(tensors: list[Tensor], std: float) -> None:
        with torch.no_grad():
            torch._foreach_add_(tensors, [torch.randn_like(t) for t in tensors], alpha=std)

    def train(steps: int) -> float:
        nonlocal made
        total = torch.zeros(())
        for _ in range(steps):
            x = next(feed)
            noised = x + torch.empty(len(x), 1, 1, 1).uniform_(0.1, 0.8) * torch.randn_like(x)
            kept = [w.detach().clone() for w in weights] if model == "weight-noise" else []
            if kept:
                shake(weights, 0.01)  # type: ignore[arg-type]
            loss = F.binary_cross_entropy_with_logits(net(noised), x, reduction="sum") / len(x)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if kept:
                with torch.no_grad():
                    torch._foreach_copy_(weights, kept)
            if model == "gradient-noise":
                shake([w.grad for w in weights if w.grad is not None], (0.01 / (1 + made) ** 0.55) ** 0.5)
            optimizer.step()
            made += 1
            total += loss.detach()
        return float(total) / steps

    return sum(w.numel() for w in weights), train


def dcgan(*, channels_last: bool = False, bf16: bool = False) -> tuple[int, Train]:
    """The number of parameters of a GAN, and its loop; the loss is that of both sides together.

    One batch of fakes serves both sides: without gradient the critic, with gradient the generator. The critic
    is frozen in the generator's step.
    """
    generator, critic = nets.generator(), nets.critic()
    if channels_last:
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    adams = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999), fused=True) for n in (critic, generator)]
    batch_size, latents = nets.BATCH["dcgan"], nets.LATENTS["dcgan"]
    feed = batches(batch_size)

    def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    def score(x: Tensor) -> Tensor:
        with _precision(bf16):
            scores = critic(x)
        return scores.float()  # type: ignore[no-any-return]

    def train(steps: int) -> float:
        total = torch.zeros(())
        for _ in range(steps):
            x = next(feed)
            with _precision(bf16):
                fake = generator(torch.randn(batch_size, latents))
            fake = fake.float()
            told = F.softplus(-score(x)).mean() + F.softplus(score(fake.detach())).mean()
            total += update(adams[0], told)
            critic.requires_grad_(False)
            total += update(adams[1], F.softplus(-score(fake)).mean())
            critic.requires_grad_(True)
        return float(total) / steps

    return sum(p.numel() for net in (generator, critic) for p in net.parameters()), train


def dcgan_at_once(*, channels_last: bool = False) -> tuple[int, Train]:
    """The same GAN in simultaneous play: one forward pass of both nets, two gradients, two steps."""
    generator, critic = nets.generator(), nets.critic()
    if channels_last:
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sides = [list(net.parameters()) for net in (critic, generator)]
    adams = [torch.optim.Adam(side, 2e-4, (0.5, 0.999), fused=True) for side in sides]
    batch_size, latents = nets.BATCH["dcgan"], nets.LATENTS["dcgan"]
    feed = batches(batch_size)

    def train(steps: int) -> float:
        total = torch.zeros(())
        for _ in range(steps):
            fake = generator(torch.randn(batch_size, latents))
            real, judged = critic(next(feed)), critic(fake)
            told = F.softplus(-real).mean() + F.softplus(judged).mean()
            looks = F.softplus(-judged).mean()
            torch.autograd.backward(told, inputs=sides[0], retain_graph=True)
            torch.autograd.backward(looks, inputs=sides[1])
            for adam in adams:
                adam.step()
                adam.zero_grad(set_to_none=True)
            total += told.detach() + looks.detach()
        return float(total) / steps

    return sum(p.numel() for side in sides for p in side), train


def dcgan_naive() -> tuple[int, Train]:
    """The same GAN in the loop of PyTorch's DCGAN tutorial: a DataLoader, probabilities, labels, numbers read."""
    generator, critic = nets.generator(), torch.nn.Sequential(nets.critic(), torch.nn.Sigmoid())
    adams = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (critic, generator)]
    batch_size, latents = nets.BATCH["dcgan"], nets.LATENTS["dcgan"]
    data = TensorDataset(torch.from_numpy(pictures()).float().div(255))
    criterion = torch.nn.BCELoss()

    def forever() -> Iterator[Tensor]:
        while True:
            for (x,) in DataLoader(data, batch_size=batch_size, shuffle=True, drop_last=True):
                yield x

    feed = forever()

    def train(steps: int) -> float:
        total = 0.0
        for _ in range(steps):
            critic.zero_grad()
            x = next(feed)
            label = torch.full((batch_size,), 1.0)
            output = critic(x).view(-1)
            told_real = criterion(output, label)
            told_real.backward()
            output.mean().item()
            fake = generator(torch.randn(batch_size, latents))
            label.fill_(0.0)
            output = critic(fake.detach()).view(-1)
            told_fake = criterion(output, label)
            told_fake.backward()
            output.mean().item()
            adams[0].step()
            generator.zero_grad()
            label.fill_(1.0)
            output = critic(fake).view(-1)
            looks = criterion(output, label)
            looks.backward()
            output.mean().item()
            adams[1].step()
            total += (told_real + told_fake).item() + looks.item()
        return total / steps

    return sum(p.numel() for net in (generator, critic) for p in net.parameters()), train


def _precision(bf16: bool) -> AbstractContextManager[object]:
    return torch.autocast("cpu", torch.bfloat16) if bf16 else nullcontext()

"""Two Gaussians of one variable as one: what the data say, and what the layer above expects."""

from __future__ import annotations

from genframe import DiagonalGaussian


def precision_weighted(q: DiagonalGaussian, p: DiagonalGaussian) -> DiagonalGaussian:
    """The Gaussian proportional to the product of two densities: precisions add up, means are weighted by them.

        1 / s^2 = 1 / s_q^2 + 1 / s_p^2,        m = s^2 (m_q / s_q^2 + m_p / s_p^2)

    Sønderby et al. 2016 (Ladder Variational Autoencoders), eq. 10 to 12. q and p (leading ..., event), of shapes that
    broadcast: p may have sample dimensions in front that q has not. Raises TypeError for other distributions.
    """
    for law in (q, p):
        if not isinstance(law, DiagonalGaussian):
            raise TypeError(f"precision_weighted takes diagonal Gaussians, not a {type(law).__name__}")
    precision_q, precision_p = q.stddev.square().reciprocal(), p.stddev.square().reciprocal()
    variance = (precision_q + precision_p).reciprocal()
    mean = variance * (q.mean * precision_q + p.mean * precision_p)
    return DiagonalGaussian(mean, variance.sqrt(), event_ndim=len(q.event_shape))

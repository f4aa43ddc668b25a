"""Denoising autoencoders that generate: Markov chains, walkback, generative stochastic networks, Langevin dynamics."""

"""Laws that several posteriors and priors share, and the nets that flows are made of."""

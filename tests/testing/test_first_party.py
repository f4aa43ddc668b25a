"""genframe's own plugins pass what is asked of everybody's."""

from __future__ import annotations

from genframe.discovery import discover
from genframe.testing import conformance

test_nets = conformance("nets")
test_vae = conformance("vae")
test_dae = conformance("dae")
test_gan = conformance("gan")
test_functions = conformance("functions")
test_metrics = conformance("metrics")
test_data = conformance("data")
test_optim = conformance("optim")
test_recipes = conformance("recipes")
test_boltzmann = conformance("boltzmann")
test_directed = conformance("directed")
test_factors = conformance("factors")
test_tracking = conformance("tracking")


def test_no_first_party_plugin_is_left_out() -> None:
    own = {status.name for status in discover().plugins if status.first_party}
    assert own <= {name.removeprefix("test_").replace("_", "-") for name in globals()}

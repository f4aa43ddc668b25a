# make run    sets everything up and trains a VAE on real digits, in about a minute
# make test   sets everything up and runs the checks and the tests
# make browser    installs what the browser tests drive: Debian's Chromium (as root) and axe-core
# make downstream    holds the plugins of others against this working copy
# make benchmarks, make benchmark-peers    print the tables of the README
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check tests browser downstream benchmarks benchmark-peers clean

run: $(VENV)/.installed
	$(BIN)/genframe train vae/digits

test: $(VENV)/.installed-dev check tests

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tests: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

browser:
	tests/browser/install

downstream: $(BIN)/python
	$(BIN)/python tests/downstream

benchmarks: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks

# pythae's, Lightning's, torchgan's and mimicry's trainers, and pythae's likelihood, beside ours, in an environment of their own.
benchmark-peers: $(VENV)/.installed-dev
	test -d .venv-bench || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet -r tests/benchmarks/peers.txt
	.venv-bench/bin/python -m pip install --quiet --no-deps -r tests/benchmarks/gan_peers.txt
	$(BIN)/python tests/benchmarks --only mlp,conv,dcgan,family,nll --peers

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e . -c constraints.txt
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[dev]' -c constraints.txt
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

"""Speed and memory of genframe against hand-written loops of the same models, in one table a case.

    python tests/benchmarks                          everything; about ten minutes on two cores
    python tests/benchmarks --only mlp,startup
    python tests/benchmarks --only mlp,conv --peers  beside a DataLoader loop, pythae and Lightning
    python tests/benchmarks --only family,nll --peers    models of the VAE family and likelihoods beside pythae's
    python tests/benchmarks --only dcgan --peers     beside torchgan's and mimicry's trainers
    python tests/benchmarks --only family --peers --busy    on a machine that other work keeps busy

The loops, as processes of their own, take turns, so that ratios hold where speeds do not; what `lean` and
`lean-tuned` are stands in lean.py and arm.py. Runs on the CPU. With GENFRAME_DATA the pictures are MNIST's.

The peers live in an environment of their own, .venv-bench in the root of the repository:

    python -m venv .venv-bench && .venv-bench/bin/pip install -r tests/benchmarks/peers.txt
    .venv-bench/bin/pip install --no-deps -r tests/benchmarks/gan_peers.txt
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from cases import CASES, PEERS_PYTHON, Scale
from machine import described

SMOKE = Scale(rounds=1, warm_up=0, steps=2, pictures=2, samples=50)
"""Each arm for a moment: to see that it runs, not to measure."""


def main() -> None:
    options = _options()
    if options.peers and not PEERS_PYTHON.exists():
        sys.exit(
            f"there is no {PEERS_PYTHON}; make it by\n\n{(__doc__ or '').rstrip().splitlines()[-1].strip()}"
        )
    if options.busy:
        os.environ |= {"OMP_NUM_THREADS": "1", "BENCHMARK_CLOCK": "process"}
    full = Scale(options.rounds, pictures=options.pictures, peers=options.peers)
    scale = replace(SMOKE, peers=options.peers) if options.smoke else full
    head = described()
    if options.busy:
        head.append("Speeds are of processor time, one thread each.")
    print("\n".join(head), end="\n\n", flush=True)
    sections = []
    with tempfile.TemporaryDirectory(prefix="genframe-benchmarks-") as scratch:
        for name in options.only:
            section = CASES[name](scale, Path(scratch))
            print(section.markdown(), flush=True)
            sections.append(section.json())
    if options.json:
        options.json.write_text(json.dumps({"machine": head, "sections": sections}, indent=1) + "\n")


def _options() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="tests/benchmarks", description=__doc__, formatter_class=formatter)
    parser.add_argument("--only", type=_names, default=list(CASES), metavar=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=Scale.rounds, help="rounds that count (%(default)s)")
    parser.add_argument(
        "--pictures", type=int, default=Scale.pictures, help="pictures of an nll turn (%(default)s)"
    )
    parser.add_argument("--peers", action="store_true", help="add the peers' loops")
    parser.add_argument("--smoke", action="store_true", help="each arm for two steps, to see that it runs")
    parser.add_argument(
        "--busy",
        action="store_true",
        help="one thread each, and the processor's time in place of the clock's",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures of every round")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return names


if __name__ == "__main__":
    main()

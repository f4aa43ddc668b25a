"""The command line: one module a verb, imported when the verb is called."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import click

from genframe import __version__
from genframe.cli.verbs import Verbs
from genframe.errors import GenframeError, PluginError, RecipeError

# Verb -> what `genframe --help` says of it. The module `genframe.cli.VERB` holds the command of that name.
VERBS = {
    "train": "Train a recipe.",
    "sweep": "Train a recipe under several settings.",
    "resume": "Go on with a run.",
    "validate": "Check a recipe without training it.",
    "explain": "Show what a recipe computes, for whom, and who teaches whom.",
    "watch": "Watch a run that another process trains.",
    "runs": "List the runs in a folder: recipe, state, figures.",
    "track": "Hand a run to a tracker afterwards: wandb, tensorboard, csv.",
    "fit-sampler": "Fit a sampler to a run's codes, to draw by it from then on.",
    "sample": "Draw samples from a run into a picture.",
    "reconstruct": "Put examples beside what a run makes of them.",
    "traverse": "Draw what each latent does.",
    "interpolate": "Draw what lies between two codes.",
    "manifold": "Draw a plane of the codes.",
    "walk": "Draw a model's Markov chain step by step.",
    "denoise": "Restore pictures by a run.",
    "export": "Write an output as a graph that serves elsewhere: ONNX, torch.export.",
    "explore": "Play with a model in the browser.",
    "filters": "Draw the filters of a first layer.",
    "evaluate": "Measure a run by the recipe's metrics.",
    "report": "Write a page about a run, or one that compares several.",
    "audit": "Say whether the prior holds: codes of data beside draws of p(z).",
    "pack": "Make one file of a run, to hand on.",
    "list": "List the components that are installed.",
    "show": "Show a component: its options, defaults, source; or a packed file.",
    "recipes": "List, print, copy and compare recipes.",
    "plugins": "List, write, check and examine plugins.",
    "data": "List the datasets, download one.",
    "schema": "Write the JSON Schema that editors complete recipes from.",
    "doctor": "Check versions, devices, plugins and folders.",
}

EPILOG = """\b
Examples:
  genframe train vae/digits
  genframe train my.yaml prior.dim=10 train.epochs=5
  genframe resume runs/vae-digits-20260101-120000
  genframe recipes list
  genframe list encoder

Shell completion: eval "$(_GENFRAME_COMPLETE=bash_source genframe)", or zsh_source, fish_source.
Plugins: --no-plugins loads none but genframe's own command line, --no-plugins=a,b all but a and b."""


class Root(Verbs):
    """The verbs of genframe."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; a name that leads nowhere becomes an error like any other."""
        from genframe.codes import PLUGIN_CODES
        from genframe.registry import LookupProblem

        try:
            return super().invoke(ctx)
        except LookupProblem as problem:
            error = PluginError if problem.code in PLUGIN_CODES else RecipeError
            raise error(problem.at(None)) from None


@click.command(
    cls=Root,
    table=VERBS,
    module="genframe.cli.{}",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="genframe")
def group() -> None:
    """Generative models from parts: VAE, DAE and GAN from YAML recipes and plugins."""


def main() -> None:
    """The entry point.

    Exit codes: 0 ok, 1 run failed, 2 input invalid, 3 plugin problem, 4 lock differs,
    130/143 stopped and saved.
    """
    _stop_at_once()
    arguments = [argument for argument in sys.argv[1:] if argument.partition("=")[0] != "--no-plugins"]
    try:
        group.main(arguments, prog_name="genframe", standalone_mode=False, obj=sys.argv[1:])
    except GenframeError as error:
        from genframe.rendering import print_problems

        print_problems(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _stop_at_once() -> None:
    """Until a training listens for itself, a signal ends the process: an exception could be lost in an import."""

    def stop(number: int, frame: FrameType | None) -> None:
        shown = b"\x1b[?25h" * sys.stderr.isatty()  # the cursor, which a live view hides
        os.write(sys.stderr.fileno(), shown + b"\nstopped\n")
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)

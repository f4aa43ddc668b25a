"""`python -m genframe`: the command line."""

from genframe.cli import main

main()

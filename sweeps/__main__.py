"""`python -m sweeps`: the same as the console script."""

from sweeps.cli import main

main()

"""`python -m tlbench` is the command `tlbench`."""

from tlbench.cli.main import main

main()

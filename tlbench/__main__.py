"""`python -m tlbench` is the command `tlbench`."""

from tlbench.start import main

main()

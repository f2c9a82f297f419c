"""`python -m estafeta_postfix`: the `estafeta` command, with exactly this interpreter."""

from estafeta_postfix.cli import main

main()

"""`python -m streams.cli` is `loa`."""

from streams.cli import main

main()

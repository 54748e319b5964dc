"""`python -m installer`."""

from installer.start import main

main()

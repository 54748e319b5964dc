"""The rest of the command line of `installer`: it reads words and decides nothing."""

"""The rest of the command line of `bundle`: it reads words and decides nothing."""

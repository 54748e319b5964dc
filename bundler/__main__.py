"""`python -m bundler`: the same as `bundle`."""

from bundler.cli import main

if __name__ == "__main__":
    main()

"""`python -m bundler`: the same as `bundle`."""

from bundler.start import main

if __name__ == "__main__":
    main()

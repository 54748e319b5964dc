"""What `bundle keygen` does and writes."""

from __future__ import annotations

from pathlib import Path

from bundler.commandline.asking import new_passphrase
from bundler.output import print_json, print_lines
from bundler.verbs.keygen import generate_key, pair_json, pair_lines


def make_key(path: Path, comment: str, *, no_passphrase: bool, as_json: bool) -> None:
    """Make a key pair, and show it; its passphrase is asked for."""
    passphrase = None if no_passphrase else new_passphrase()
    pair = generate_key(path, comment=comment, passphrase=passphrase)
    if as_json:
        print_json(pair_json(pair))
    else:
        print_lines(pair_lines(pair))

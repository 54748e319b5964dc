"""What this host remembers, document by document; `installer.ledger` is the door to it."""

"""What the commands of `bundle` do with their words: a module each, loaded when it runs."""

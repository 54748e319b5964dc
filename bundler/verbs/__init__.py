"""What the verbs of `bundle` do that have no stage of their own; `bundler.build` is the longest."""

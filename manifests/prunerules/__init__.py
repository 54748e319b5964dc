"""What may be removed and what never: pure rules, for hosts and for the build cache."""

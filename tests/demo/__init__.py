"""The demonstration: what moonlift is for, shown with real parts in under three minutes."""

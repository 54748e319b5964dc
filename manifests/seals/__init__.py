"""Who sealed a bundle, and the order in which it comes to be believed."""

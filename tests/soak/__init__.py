"""`make soak`: an upgrade that is killed at random moments, again and again, on a real engine."""

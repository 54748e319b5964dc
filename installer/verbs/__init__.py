"""What each verb of `installer` does, in order; they show through a Console and print nothing."""

"""What is asked and reckoned before anything is done; nothing here changes the host."""

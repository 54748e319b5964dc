"""Shell scripts, read without a shell: `script` walks through them; the rest is its rooms."""

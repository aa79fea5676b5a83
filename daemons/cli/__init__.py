"""The command `gavel`."""

"""What a problem is, and how an output becomes a verdict."""

"""Takes submissions from the queue, judges them, reports."""

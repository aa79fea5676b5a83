"""The WebSockets over which verdicts are pushed."""

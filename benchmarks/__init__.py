"""Benchmarks: our way beside a bare one, measured in the same run."""

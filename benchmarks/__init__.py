"""Benchmarks: every figure that the documentation quotes, each one command."""

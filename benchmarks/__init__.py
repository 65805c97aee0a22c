"""Timings of the library beside PyTorch; `python -m benchmarks` runs them all."""

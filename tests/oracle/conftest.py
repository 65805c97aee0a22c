"""The comparison with PyTorch runs only beside the PyTorch that it pins."""

from . import adapter

REASON = adapter.unavailable()
collect_ignore_glob = ["test_*.py"] if REASON else []


def pytest_report_header(config):
    return f"oracle left out: {REASON}" if REASON else None

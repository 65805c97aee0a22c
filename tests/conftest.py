"""What every test shares: the device the suite runs on, and Hypothesis's profiles.

``pytest --device standin`` runs the same suite on the strict stand-in device, ``--device cuda`` on
a GPU. Tests make their tensors without naming a device; the default device moves underneath them.
"""

import ctypes
import importlib.util
import os
from pathlib import Path

import pytest

# Fresh memory holds large numbers instead of zeros, so that a kernel that reads what it has not
# written fails every time (GNU's C library only; elsewhere the call is missing or does nothing).
_M_PERTURB = -6
if hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(_M_PERTURB, 0x80)

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the property tests skip themselves; the rest needs no Hypothesis
    settings = None

DEVICES = ("cpu", "standin", "cuda")
ORACLE = Path(__file__).parent / "oracle"

# Without PyTorch there is nothing to compare with, and importing the comparisons would fail.
collect_ignore = [] if importlib.util.find_spec("torch") else ["oracle"]

if settings is not None:
    # A shared runner stalls now and then, so no example may fail for being slow.
    slow_is_fine = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings.register_profile("dev", deadline=None, suppress_health_check=slow_is_fine)
    dev = settings.get_profile("dev")
    settings.register_profile("ci", parent=dev, derandomize=True, database=None)
    settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser):
    parser.addoption("--device", choices=DEVICES, default="cpu", help="default device of all tests")


def pytest_report_header(config):
    return f"ember device: {config.getoption('--device')}"


def pytest_collection_modifyitems(config, items):
    skip = pytest.mark.skip(reason="does not depend on the device; runs with --device cpu")
    for item in items:
        if ORACLE in item.path.parents:
            item.add_marker("oracle")
            item.add_marker("host_only")  # PyTorch compares on the CPU
        elif item.path.name.startswith("test_compiled"):
            item.add_marker("host_only")  # Numba compiles for the CPU
        if "host_only" in item.keywords and config.getoption("--device") != "cpu":
            item.add_marker(skip)


@pytest.fixture(scope="session")
def device_name(pytestconfig):
    """The name given to ``--device``."""
    return pytestconfig.getoption("--device")


@pytest.fixture
def device(device_name):
    """The ``ember.device`` this run tests, for the tests that name one."""
    import ember

    return ember.device(device_name)


@pytest.fixture(autouse=True)
def default_device(device_name):
    """Every test runs with the chosen default device, and leaves none behind."""
    import ember

    ember.set_default_device(device_name)
    yield
    ember.set_default_device("cpu")

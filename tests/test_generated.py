"""What is derived from the op records is up to date: type stubs and docs/ops.md."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parent.parent


def test_generated_files_are_up_to_date():
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

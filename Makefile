# `make demo` and `make test` set up everything they need; only python3 (with venv) and make must be there.
#
#   PYTHON=python3.12   another interpreter for the environments
#   PYTEST_ARGS="-x"    more arguments for pytest
#   ROUNDS=10           a longer benchmark
#   QUICK=1             short measurements, only to see that every benchmark runs
#   WORKLOADS=mlp_tiny  only this training step (benchmarks/workloads.py has them all)
#   NO_VENV=1           use $(PYTHON) with whatever it has installed, and no network

PYTHON ?= python3
PYTEST_ARGS ?=
CUDA ?= 13
DEVICE ?= cpu
GPU ?= cuda
ROUNDS ?= 3

ifdef NO_VENV
  demo_python = $(PYTHON)
  test_python = $(PYTHON)
  lint_python = $(PYTHON)
  oracle_python = $(PYTHON)
  notebook_python = $(PYTHON)
  gpu_python = $(PYTHON)
  # The package is imported through links; -P keeps the folders of this repository from being imported by themselves.
  export PYTHONPATH := $(CURDIR)/build/links
  export PYTHONSAFEPATH := 1
  $(shell $(PYTHON) .ci/link_tree.py build/links)
  bench ratchet: export PYTHONPATH := $(CURDIR)/build/links:$(CURDIR)
else
  demo_python = .venv/bin/python
  test_python = .venv/bin/python
  lint_python = .venv-lint/bin/python
  oracle_python = .venv-oracle/bin/python
  notebook_python = .venv-notebook/bin/python
  gpu_python = .venv-cuda/bin/python
  demo_ready = .venv/.demo
  test_ready = .venv/.test
  lint_ready = .venv-lint/.lint
  oracle_ready = .venv-oracle/.oracle
  notebook_ready = .venv-notebook/.notebook
  gpu_ready = .venv-cuda/.cuda$(CUDA)
endif

# How many tests run at once; `workers=` (nothing) does without pytest-xdist. BLAS threads on top of that only get in each other's way.
workers ?= auto
threads ?= 1
pytest = OMP_NUM_THREADS=$(threads) OPENBLAS_NUM_THREADS=$(threads) $(1) -m pytest $(if $(workers),-n $(workers)) $(PYTEST_ARGS)

.PHONY: help demo test oracle compiled lint types bench ratchet notebooks gpu-test gpu-suite clean

help:
	@echo "make demo       train on handwritten digits and draw the result"
	@echo "make test       the test suite; needs no PyTorch (DEVICE=standin: on the strict stand-in device)"
	@echo "make oracle     compare with PyTorch 2.13 (installs it into .venv-oracle), with NumPy alone"
	@echo "make compiled   compare with PyTorch 2.13 through the kernels that Numba compiles"
	@echo "make lint types ruff and mypy"
	@echo "make notebooks  execute the notebooks"
	@echo "make bench      time ember beside PyTorch"
	@echo "make ratchet    fail if an operation or the import has become slower"
	@echo "make gpu-test   the test suite on a GPU"
	@echo "make clean      remove what these commands made"

demo: $(demo_ready)
	$(demo_python) -m ember examples/digits.py

test: $(test_ready)
	$(call pytest,$(test_python)) -m "not oracle" --device $(DEVICE)

oracle: $(oracle_ready)
	EMBER_COMPILED_FROM=never $(call pytest,$(oracle_python)) tests/oracle

# Kernels of several threads, for arrays of every size.
compiled: threads = 2
compiled: $(oracle_ready)
	EMBER_COMPILED_FROM=0 $(call pytest,$(oracle_python)) tests/oracle tests/test_nn_*.py tests/test_compile*.py

lint: $(lint_ready)
	$(lint_python) -m ruff check .

types: $(lint_ready)
	$(PYTHON) .ci/link_tree.py build/links
	cd build/links && $(abspath $(lint_python)) -m mypy --config-file ../../pyproject.toml -p ember

notebooks: $(notebook_ready)
	$(notebook_python) -m jupyter execute notebooks/*.ipynb

bench: $(oracle_ready)
	$(oracle_python) -m benchmarks$(if $(WORKLOADS),.run $(WORKLOADS)) --rounds $(ROUNDS) $(if $(QUICK),--quick)

ratchet: $(oracle_ready)
	$(oracle_python) -m benchmarks.ratchet
	$(oracle_python) benchmarks/import_time.py --budget 60

# A GPU machine often has CuPy already and no network: then that Python runs the suite as it is.
gpu-test:
	@if [ -z "$(NO_VENV)" ] && $(PYTHON) -c "import cupy, pytest" 2>/dev/null; \
	then $(MAKE) --no-print-directory NO_VENV=1 gpu-suite; \
	else $(MAKE) --no-print-directory gpu-suite; fi

gpu-suite: $(gpu_ready)
	$(gpu_python) -m pytest -m "not oracle" --device $(GPU) $(PYTEST_ARGS)

clean:
	rm -rf .venv .venv-* build dist *.egg-info digits-output .pytest_cache .hypothesis .ruff_cache .mypy_cache

# An environment is made anew when pyproject.toml changes; the stamp says what was installed into it.
define install
	@echo "setting up $(@D) with .[$(1)]"
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$(1)]"
	@touch $@
endef
comma := ,

.venv/.demo: pyproject.toml
	$(call install,demo)
.venv/.test: pyproject.toml
	$(call install,test)
.venv-lint/.lint: pyproject.toml
	$(call install,lint)
.venv-oracle/.oracle: pyproject.toml
	$(call install,oracle)
.venv-notebook/.notebook: pyproject.toml
	$(call install,notebook)
.venv-cuda/.cuda$(CUDA): pyproject.toml
	$(call install,cuda$(CUDA)$(comma)test)

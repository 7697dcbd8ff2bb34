# One command each; every target sets up .venv by itself (Debian 12, Python 3.11 or newer).
#
#   make demo    a whole cluster on loopback, an example framework with real processes, a summary
#   make test    lint, types, tests
#   make lint    lint and types alone
#   make bench   benchmarks: figures with their ratio to C++ Mesos, nothing is asserted
#   make clean   forget .venv and everything built

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
#: worker processes of the test run
JOBS ?= 2
#: further arguments of pytest, as in: make test TESTS="tests/algebra -k ranges"
TESTS ?=

.PHONY: demo test lint bench clean

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: lint
	$(BIN)/pytest -n $(JOBS) --dist loadgroup $(TESTS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(STAMP)
	@for program in allocator processes decisions state; do $(BIN)/python -m benchmarks.$$program || exit 1; done

clean:
	rm -rf $(VENV) .venv-pymesos build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Installed again only when what the package needs has changed.
$(STAMP): setup.cfg pyproject.toml
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/venv
	@touch $@

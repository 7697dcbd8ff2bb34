# One command each; every target sets up .venv by itself (Debian 12, Python 3.11 or newer).
#
#   make demo    a whole cluster on loopback, an example framework with real processes, a summary
#   make test    lint, types, tests
#   make lint    lint and types alone
#   make sim     simulated clusters with faults: SEEDS=5000 runs, or one again with SEED=7
#   make cgroup2 tests of cgroups, or TESTS, where there is cgroup v2 only: in a virtual machine, slow, needs root
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
#: simulated runs of `make sim`, or the one to see again
SEEDS ?= 500
SEED ?=

.PHONY: demo test lint sim cgroup2 bench clean

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: lint
	@sh .ci/zookeeper
	@sh .ci/containers
	@sh .ci/browser
	$(BIN)/pytest -n $(JOBS) --dist loadgroup $(TESTS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

sim: $(STAMP)
	@$(BIN)/mesos-py sim $(if $(SEED),--seed=$(SEED),--seeds=$(SEEDS))

cgroup2: $(STAMP)
	@sh .ci/cgroup2 $(TESTS)

bench: $(STAMP)
	@for program in allocator processes decisions journal state failover stalls failover_leader registry images networks isolated docker_launches checks simulator matching launcher sdk batch marathon; do \
		$(BIN)/python -m benchmarks.$$program || exit 1; done
	@test ! -d /dev/shm || $(BIN)/python -m benchmarks.processes --root=/dev/shm

clean:
	rm -rf $(VENV) .venv-pymesos build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Installed again only when what the package needs has changed.
$(STAMP): setup.cfg pyproject.toml
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/venv
	@touch $@

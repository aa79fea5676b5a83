# The five commands. Each works on a fresh checkout: the set-up is made when it is missing or old.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := protocol sandbox judging daemons benchmarks
# ruff has ASYNC110 too, and reasons stand beside its exceptions; ASYNC114 only wants a list kept;
# ASYNC9xx is off by default: a checkpoint on every path, no async generators at all.
FLAKE8_ASYNC := -m flake8_async --disable=ASYNC110,ASYNC114,ASYNC9

# WebSocket clients from npm that the gateway is tried with; without npm its test says what is missing.
NPM := tests/daemons/gateway/clients
NPM_MADE := $(if $(shell command -v npm),$(NPM)/node_modules/.made)

.PHONY: toolchains run test test-cgroup2 fuzz soak packages check bench chaos faults endurance load path install
run: $(VENV)/.run
	$(BIN)/gavel up $(ARGS)

# Debian's packages for all languages that this machine can't offer yet: some 3 GB for all of them.
toolchains: $(VENV)/.run
	@missing=$$($(BIN)/gavel languages --packages); \
	if [ -z "$$missing" ]; then echo "all languages are here"; exit 0; fi; \
	install="apt-get install -qq -y --no-install-recommends $$missing"; \
	if [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then \
		echo "on Debian, run as root: apt-get update && $$install" >&2; exit 1; fi; \
	DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; \
	apt-get update -qq && $$install >/dev/null && $(BIN)/gavel languages

# The whole suite waits a lot, so two processes share it, file by file. With ARGS it is one, which
# prints as it goes and can be debugged.
test: $(VENV)/.test
	$(BIN)/python -m pytest $(or $(ARGS),--numprocesses 2 --dist loadfile --no-loadscope-reorder)

# The table of attacks under control groups v2; needs Debian's package user-mode-linux, takes minutes.
test-cgroup2: $(VENV)/.test
	$(BIN)/python tests/sandbox/cgroup2.py

# A minute of random system calls inside runs: ARGS='--seconds 600 --seed SEED'.
fuzz: $(VENV)/.test
	$(BIN)/python tests/sandbox/fuzz.py $(ARGS)

# Ten thousand runs, every third hostile, and what they leave: ARGS='--runs 1000'.
soak: $(VENV)/.test
	$(BIN)/python tests/sandbox/soak.py $(ARGS)

# Packages that no one here wrote, by pip: each loads, and its submissions get what they should.
packages: $(VENV)/.test $(VENV)/packages/.made
	$(BIN)/python -m tests.foreign $(VENV)/packages $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	grep -rlE --include='*.py' 'async def|import trio' $(ROOMS) | xargs -n 12 -P 2 $(BIN)/python $(FLAKE8_ASYNC)
	$(BIN)/mypy
	$(BIN)/python -m coverage run -m pytest -q tests/test_house.py tests/protocol
	$(BIN)/python -m coverage report

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks $(ARGS)

# Ten minutes of kills and stops at random: ARGS='--seconds 60 --seed SEED'.
chaos: $(VENV)/.test
	$(BIN)/python -m tests.chaos $(ARGS)

# Each fault of a list against a whole system of its own, and a table: ARGS='--json', ARGS='6 14'.
faults: $(VENV)/.test
	$(BIN)/python -m tests.faults $(ARGS)

# 10,200 sockets while the gateway, then the store, is killed: some two minutes.
endurance: $(VENV)/.test
	$(BIN)/python -m benchmarks.endurance $(ARGS)

# What one and two processes of the API take, by Debian's wrk: half a minute.
load: $(VENV)/.test
	$(BIN)/python -m benchmarks.load $(ARGS)

# What each millisecond from POST to verdict is spent on: a quarter of a minute.
path: $(VENV)/.test
	$(BIN)/python -m benchmarks.path $(ARGS)

install: $(VENV)/.run

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Gavel needs Python >= 3.11, this is " + sys.version.split()[0] + "; name another with: make PYTHON=/path/to/python3.12") if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python lacks venv; mend it with: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.txt $(NPM_MADE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/packages/.made: requirements-packages.txt $(VENV)/.made
	rm -rf $(@D)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary bapctools,problemtools \
		--dest $(@D) --requirement $<
	@touch $@

$(NPM)/node_modules/.made: $(NPM)/package.json
	cd $(NPM) && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

# The commands of the house. `make` alone lists them.
#
# Every target that runs something first makes sure of what it needs: Debian packages (tools/debian-packages.txt;
# a look at the package database when nothing is missing) and the virtual environment in .venv (rebuilt only when
# pyproject.toml or a lock file is newer than its stamp). An existing Postfix instance is never touched.

PYTHON ?= python3
# Four test files at a time, whole files, because a file shares one sandbox. Most of the time is spent waiting for
# daemons and the disk, so twice the two cores of a small machine.
WORKERS ?= 4
# What each change has to pass, or all there is, as before a release (minutes more): make test TIER=release
TIER ?= gate
# For one test: make test TESTS='tests/core -k identity'
TESTS ?= tests
# What the sandboxes of tests keep things in: make test STORE=postgresql runs them all on PostgreSQL.
STORE ?= sqlite
# For ten minutes, or a seed again: make chaos CHAOS='--seconds 600 --seed 7'
CHAOS ?= --seconds 120

# Some rows, shorter, on the other store: make soak SOAK='--only R1,R5 --minutes 10 --store postgresql'
SOAK ?=

# The same again: make hosts HOSTS='--seed 7'
HOSTS ?=

# By coverage, by mutants in process, or over SMTP: make fuzz FUZZ='--seconds 600 --target mime' (or --mutants, --smtp)
FUZZ ?= --seconds 60
ATHERIS := .cache/atheris
AUDITS := .cache/audits

BIN := .venv/bin
READY := .venv/.ready
CODE := core policy milter web postfix tests bench tools

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test chaos hosts fuzz soak check format bench reference deb lock clean
.PHONY: run-packages test-packages bench-packages

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: run-packages $(READY) ## send one real message for each dialect through a sandbox and show what is delivered
	@$(BIN)/estafeta demo

sandbox: run-packages $(READY) ## keep the whole system running on loopback, until Ctrl-C
	@$(BIN)/estafeta sandbox

test: test-packages $(READY) ## run the tests, real Postfix included (TIER=release: all of them)
	@ESTAFETA_TEST_STORE=$(STORE) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		$(if $(filter gate,$(TIER)),-m "not release") $(TESTS)

chaos: test-packages $(READY) ## kill everything at random under load, two minutes long, and check every message
	@$(BIN)/python tests/chaos/run.py $(CHAOS)

hosts: test-packages $(READY) ## take two hosts apart under load, one fault after the other, and check every message
	@$(BIN)/python tests/hosts/hosts.py $(HOSTS)

fuzz: test-packages $(READY) $(ATHERIS)/.ready ## look for inputs that break a parser, a minute for each
	@$(BIN)/python tests/fuzz/fuzz.py $(FUZZ)

soak: test-packages $(READY) $(AUDITS)/.ready ## hold the system to every row of the release tier, some hours long, and write a report
	@$(BIN)/python tests/soak/soak.py $(SOAK)

check: run-packages $(READY) ## lint, formatting, types, import rules, mirrored tests, shell syntax
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_mirror.py
	for script in tools/*.sh vagrant/*.sh; do sh -n "$$script" || exit 1; done
	bash -n .ci/run

format: $(READY) ## rewrite the code in the house's format
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: bench-packages $(READY) ## hold Estafeta to its targets, beside what else there is (BENCH='--only policy,sasl --rounds 3')
	@$(BIN)/python -m bench $(BENCH)

reference: $(READY) ## write docs/reference.md anew, from the schema of the configuration
	@$(BIN)/python tools/reference.py

deb: run-packages $(READY) ## build the Debian package into dist/
	@tools/deb.sh

lock: ## resolve the newest versions that pyproject.toml allows into tools/lock/
	@PYTHON='$(PYTHON)' tools/lock.sh

clean: ## remove the virtual environment and every cache
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

run-packages:
	@PYTHON='$(PYTHON)' tools/packages.sh run

bench-packages:
	@PYTHON='$(PYTHON)' tools/packages.sh run bench

test-packages:
	@PYTHON='$(PYTHON)' tools/packages.sh run test

# It is large, and for this alone.
$(ATHERIS)/.ready: tools/lock/fuzz.txt $(READY)
	@$(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install --require-hashes --upgrade \
		--target $(ATHERIS) --requirement tools/lock/fuzz.txt
	@touch $@

$(AUDITS)/.ready: tools/lock/soak.txt $(READY)
	@$(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install --require-hashes --upgrade \
		--target $(AUDITS) --requirement tools/lock/soak.txt
	@touch $@

$(READY): pyproject.toml $(wildcard tools/lock/*.txt) tools/venv.sh | run-packages
	@PYTHON='$(PYTHON)' tools/venv.sh
	@touch $@

# Everything a checkout needs, from nothing but make and Python 3.11 or later with venv; `make help` lists the targets.
# For GNU make 3.81 (macOS) and later. PYTHON=... chooses the interpreter, DEMO_DIR=... where the demo leaves its data.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-lock
PREFIX ?= /opt/bazaarwatch
PACKAGES := monitor storage detectors config migrations
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input

# $(call make_venv,FOLDER): a virtual environment made by the first Python that is new enough and has venv and pip.
make_venv = for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    exec "$$python" -m venv $(1); \
	  fi; \
	done; \
	echo "missing: Python 3.11 or later with venv$(if $(PYTHON), at PYTHON=$(PYTHON)) (Debian: apt-get install python3-venv)" >&2; \
	exit 1

.PHONY: help
help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1	/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: demo
demo: install  ## watch a marketplace of its own making, offline: alerts, a digest, a complaint (DEMO_DIR=folder)
	$(BIN)/bazaarwatch demo $(if $(DEMO_DIR),--dir "$(DEMO_DIR)")

.PHONY: install
install: $(VENV)/.run-installed  ## make .venv from the lock, with the project in it

.PHONY: check
check: $(VENV)/.check-installed  ## everything that must be green before a commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict $(addprefix -p ,$(PACKAGES))
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not soak"

.PHONY: slow
slow: $(VENV)/.check-installed  ## the tests that take seconds each; `make check` and this are what CI runs
	$(BIN)/pytest -n 2 --dist worksteal -m "slow and not soak"

.PHONY: soak
soak: $(VENV)/.check-installed  ## the long tests, in full
	$(BIN)/pytest --hypothesis-profile soak --timeout 0

.PHONY: bench
bench: $(VENV)/.bench-installed  ## listings and images a second on this machine
	for script in benchmarks/*.py; do $(BIN)/python "$$script" || exit 1; done

.PHONY: bench-detect
bench-detect: $(VENV)/.check-installed  ## recall by edit, mean of seeds 1 to 3 (about 10 minutes a seed on two idle cores)
	$(BIN)/python benchmarks/recall.py --bench ../shared/bench --designs ../shared/designs --seeds 1 2 3

$(VENV)/.made:
	@$(call make_venv,$(VENV))
	@touch $@

$(VENV)/.run-installed: $(VENV)/.made requirements/run.txt pyproject.toml
	$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/run.txt
	$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.check-installed: $(VENV)/.run-installed requirements/check.txt
	$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/check.txt
	@touch $@

$(VENV)/.bench-installed: $(VENV)/.check-installed requirements/bench.txt
	$(BIN)/python $(PIP_INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

# The lock names every file by its hash and no index, so it installs from whichever index pip is set up with.
$(TOOLS)/.installed: requirements/lock.txt
	@$(call make_venv,$(TOOLS))
	$(TOOLS)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/lock.txt
	@touch $@

LOCK = UV_CUSTOM_COMPILE_COMMAND="make lock" $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: $(TOOLS)/.installed  ## compile requirements/*.txt anew from pyproject.toml (UPGRADE=1: to the newest versions)
	$(LOCK) --group lock --output-file requirements/lock.txt
	$(LOCK) --group build --output-file requirements/run.txt pyproject.toml
	$(LOCK) --group dev --constraints requirements/run.txt --output-file requirements/check.txt pyproject.toml
	$(LOCK) --group bench --constraints requirements/check.txt --output-file requirements/bench.txt pyproject.toml

# The Dockerfile's two RUN steps. No editable install: the image keeps the folder PREFIX and nothing else.
.PHONY: image-dependencies
image-dependencies:  ## install the lock in an environment of its own at PREFIX
	@$(call make_venv,"$(PREFIX)")
	"$(PREFIX)/bin/python" $(PIP_INSTALL) --no-cache-dir --require-hashes -r requirements/run.txt

.PHONY: image-project
image-project:  ## install the project itself at PREFIX
	"$(PREFIX)/bin/python" $(PIP_INSTALL) --no-cache-dir --no-deps --no-build-isolation .
	mkdir -p "$(PREFIX)/data"

.PHONY: clean
clean:  ## remove what make made: environments, caches, builds
	rm -rf $(VENV) $(TOOLS) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

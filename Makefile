# Everything a developer does, by name. `make` alone lists it.
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup test test-all lint format demo bench soak drive-test cuda installer installer-test lock clean

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install what the tests need: Debian packages, .venv
	@tools/setup test

# Two more than there are processors: tests of engines wait for them a third of the time.
WORKERS := $(shell expr $$(nproc) + 2)
PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: setup lint ## lint, then the tests; PYTEST_ARGS="-k name -x" for some
	$(PYTEST) -m "not long" $(PYTEST_ARGS)

test-all: setup lint ## lint, then every test: also the long ones, on each engine
	$(PYTEST) $(PYTEST_ARGS)

lint: ## formatting, style, import contracts, types
	@tools/setup python
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/mypy

format: ## let ruff mend what it can
	@tools/setup python
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

demo: ## build a bundle, carry it over, install it on an engine without network
	@tools/setup demo
	@tools/demo

bench: setup ## sizes, times and memory, side by side with skopeo, zstd, docker and openssl
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

soak: setup ## upgrades killed at 220 random moments on a real engine; SOAK_ARGS="--seed 7"
	$(BIN)/python -m tests.soak $(SOAK_ARGS)

drive-test: ## 6 GiB on real FAT32, exFAT and ext4, then drives that fail 198 times; DRIVE_ARGS="--seed 7"
	@tools/setup drive
	$(BIN)/python -m tests.drives $(DRIVE_ARGS)

cuda: ## compile the CUDA kernels ahead, prove them for every card; build pycuda's wheel
	@tools/setup python
	$(BIN)/python -m tools.cuda.kernels
	$(BIN)/python -m tools.cuda.wheel

installer: ## the installer in one file, for hosts without Python: dist/installer
	@tools/setup installer
	@tools/freeze

installer-test: setup ## freeze it, and test it on a host that has nothing but libc
	$(BIN)/pytest tests/frozen/real.py $(PYTEST_ARGS)

lock: ## pin the newest releases of all dependencies in constraints.txt
	tools/lock --upgrade

clean: ## remove what was made here; the test cache outside stays
	rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

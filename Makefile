# `make` prints these words. `make demo` and `make test` set up all they need, given python3 (3.11 or newer) with venv.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: help demo test check mutants bench docs recording dist lock
help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 8

demo: .venv/runs ## every documented example on the embedded mock: submit, poll, download
	@$(BIN)/happyhorse-spec run

test: .venv/tests ## all tests, and which lines and branches of both packages they have not run
	@$(PYTEST) -n 2 --cov --cov-report=term

check: .venv/tests ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

mutants: .venv/mutmut ## break the law and the core in small ways, and name what no test notices; MUTANTS="dashscope t2v" takes a part
	@$(BIN)/python tests/mutants $(MUTANTS)
	@$(if $(MUTANTS),,PYTHONPATH=.venv/mutmut $(BIN)/python tests/mutants/core.py)

bench: .venv/tests ## measure the speed, within ten minutes; bench/README.md says with whom it is compared
	@$(BIN)/python -m bench $(BENCH)

docs: .venv/runs ## renew the tables of docs/fidelity.md, docs/conflicts.md and README.md
	@$(BIN)/python docs/fidelity.py && $(BIN)/python docs/conflicts.py && $(BIN)/python -m bench.readme

recording: .venv/runs ## record a run at a terminal anew: docs/run.cast, docs/run.svg
	@$(BIN)/python docs/recording.py

dist: .venv/tests ## wheel and source archive
	@$(BIN)/python -m build --outdir dist .

lock: .venv/tests ## renew requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --group dev --group clients --all-extras \
	  --no-header --no-emit-index-url pyproject.toml -o requirements.lock

.venv/bin/python:
	@$(PYTHON) -m venv .venv || { echo "python3 has no venv module; on Debian: apt-get install python3-venv"; exit 1; }

.venv/runs: .venv/bin/python pyproject.toml requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e .
	@touch $@

# Apart, since libcst among its parts lets Hypothesis write patches into what the tests read.
.venv/mutmut: .venv/tests tests/mutants/requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade --target $@ -c requirements.lock -r tests/mutants/requirements.txt
	@touch $@

.venv/tests: .venv/bin/python pyproject.toml requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock -e .
	@touch $@ .venv/runs

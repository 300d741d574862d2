# Two commands do it all: `make demo` and `make test`. The rest is for daily work.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo port-is-free test lint format bench faults year dagster seeds environment clean

WORKSPACE ?= data
CALLS ?= 200000
MONTHS ?= 3
SEED ?= 1
BENCH_CALLS ?= 1000000 10000000
BENCH_DECKS ?= 20000 100000
PORT ?= 8501
APP ?= 1

# uv from the PATH, else one of our own beside the project: `pip --target` also works where pip may not touch the system's Python.
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := .venv/bin/python -m orchestration.cli --workspace $(WORKSPACE)

# $(call step,what,command): say it, do it, and say how long it took
define step
	@echo "== $(1)"; began=$$(date +%s); $(2); echo "== $(1): $$(( $$(date +%s) - began )) s"; echo
endef

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.tools/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tikteller needs Python 3.11 or newer as python3; this is $$(python3 --version)" >&2; exit 1; }
	@python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target .tools uv \
		|| { echo "no pip here: trying a virtual environment" >&2; python3 -m venv .tools/venv && .tools/venv/bin/pip install --quiet uv && mkdir -p .tools/bin && ln -sf ../venv/bin/uv .tools/bin/uv; }

.venv/.synced: pyproject.toml uv.lock | $(filter .tools/bin/uv,$(UV))
	@$(UV) sync --frozen --quiet --compile-bytecode
	@touch $@

environment: .venv/.synced  ## the environment from the lock file

demo: $(if $(filter 1,$(APP)),port-is-free)  ## environment, demo workspace, whole pipeline, then the app (APP=0 stops after the pipeline)
	$(call step,environment,$(MAKE) --no-print-directory environment)
	$(call step,demo data: $(CALLS) calls over $(MONTHS) months,$(RUN) demo-data --calls $(CALLS) --months $(MONTHS) --seed $(SEED))
	$(call step,pipeline,$(RUN) run)
ifeq ($(APP),1)
	@$(RUN) app --port $(PORT) --headless
else
	@echo "The pipeline has run. The app: make demo, or .venv/bin/tikteller --workspace $(WORKSPACE) app"
endif

port-is-free:
	@python3 -c 'import socket, sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("localhost", $(PORT)))' 2>/dev/null \
		|| { echo "port $(PORT) is taken: make demo PORT=$$(( $(PORT) + 1 ))" >&2; exit 1; }

test: environment  ## the whole test suite
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: environment  ## ruff, who may import whom, declared dependencies, types where money is, and what is derived against its source
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports --no-logo --no-cache .importlinter
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/deptry . 2>/dev/null || .venv/bin/deptry .
	@.venv/bin/python -m orchestration.reference --check

format: environment  ## let ruff fix what it can
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

bench: environment  ## measure (docs/benchmarks.md): twenty minutes; BENCH_CALLS=30000000 for more
	@.venv/bin/python -m tests.benchmarks --calls $(BENCH_CALLS) --deck-prefixes $(BENCH_DECKS)

faults: environment  ## the long campaign of kills and cuts, and a million steps of random books (hours)
	@.venv/bin/python -m pytest tests/faults tests/pipeline/test_kill.py tests/unit/test_order_of_arrival.py tests/models/test_random_books.py --faults-long

year: environment  ## a demo year of twelve month ends, to the cent
	@.venv/bin/python -m pytest tests/pipeline/test_year.py --year

dagster: environment  ## the Dagster UI on the same workspace
	@TIKTELLER_WORKSPACE="$(abspath $(WORKSPACE))" DAGSTER_HOME="$$(TIKTELLER_WORKSPACE='$(abspath $(WORKSPACE))' .venv/bin/python -m orchestration.pipeline.runs)" \
		.venv/bin/dagster dev -m orchestration.pipeline.definitions

seeds: environment  ## derive the seeds anew from the locked phonenumbers
	@.venv/bin/python -m orchestration.reference --write

clean:  ## forget the demo workspace and what tools left behind; the environment stays
	@if [ -e $(WORKSPACE)/.landing-made-by-demo-data ]; then rm -rf $(WORKSPACE)/landing $(WORKSPACE)/.landing-made-by-demo-data; \
		elif [ -e $(WORKSPACE)/landing ]; then echo "$(WORKSPACE)/landing stays: demo-data did not make it"; fi
	@rm -rf $(WORKSPACE)/rated $(WORKSPACE)/serving $(WORKSPACE)/documents $(WORKSPACE)/dagster $(WORKSPACE)/dbt $(WORKSPACE)/logs $(WORKSPACE)/spill
	@rm -f $(WORKSPACE)/*.duckdb* $(WORKSPACE)/*.json $(WORKSPACE)/run.lock
	@rm -rf dbt_project/target dbt_project/logs .pytest_cache .ruff_cache

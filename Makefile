# Everything a user or a gate runs. PYTHON may name another interpreter (3.11 to 3.13).
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Each stage is a process of its own: without compiled modules on disk it spends four seconds more on its imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: screen test test-all lint format locked lock bench ui potential starter screen-real

screen: .venv/.synced
	@python -m ionsieve.pipeline.lanes
	@python -m ionsieve.pipeline.report.summary

test: .venv/.synced
	@pytest -q

test-all: .venv/.synced
	@pytest -q -m "slow or not slow"

lint: .venv/.synced
	@ruff check .
	@ruff format --check .
	@# mypy is content where it finds nothing to check: the links of ionsieve/ must lead it to all the code
	@found=$$(mypy) || { echo "$$found"; exit 1; }; echo "$$found"; \
	files=$$(echo "$$found" | sed -n 's/.*no issues found in \([0-9]*\) source files.*/\1/p'); \
	[ "$${files:-0}" -ge 100 ] || { echo "mypy checked $${files:-0} files, at least 100 are expected: does it follow the links in ionsieve/?"; exit 1; }

format: .venv/.synced
	@ruff check --fix .
	@ruff format .

# After a change of uv.lock or of what a stage imports: the versions each stage rests on (pipeline/stages/locked)
locked: .venv/.synced
	@python -m ionsieve.pipeline.locked

# After a change that is meant to change results, last of all: commit the dvc.lock and data/expected it leaves.
# The gate holds a run to both: commands, parameters, code and sources to dvc.lock, results to the other.
lock: locked screen
	@python -m ionsieve.pipeline.reference.expected keep

bench: .venv/.synced
	@pytest -q tests/benchmarks --benchmark-only -m "slow or not slow"

ui: .venv/.synced
	@mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port 5000 --workers 1

# SevenNet, for `make starter`; plain pip takes a processor build of torch where one is at hand
potential: .venv/.synced
	@python -m pip install --quiet torch==2.13.0 sevenn==0.13.0

# Computes data/reference/starter anew on two cores: known compounds, then candidates on their hulls; stop and start at will
starter: potential
	@for step in relax new; do \
	OMP_NUM_THREADS=1 python -m ionsieve.pipeline.reference.starter $$step 0/2 & \
	OMP_NUM_THREADS=1 python -m ionsieve.pipeline.reference.starter $$step 1/2; wait; \
	python -m ionsieve.pipeline.reference.starter collect; done

# The same pipeline on the shared public data, in a scratch copy: build/real
screen-real: .venv/.synced
	@python -m ionsieve.pipeline.scratch build/real data/real.yaml

# pip comes with the environment and fetches uv; uv installs what uv.lock pins. --inexact keeps what pip added (torch).
.venv/.synced: uv.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv sync --frozen --inexact --quiet
	@touch $@

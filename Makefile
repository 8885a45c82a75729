# make demo | test | soak | bench | gpu-check | check | licences | tour | texts: each makes its own .venv when there is none.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test soak bench gpu-check check licences tour texts install clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[dev,all]"
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python samples/demo.py $(DEMO)

# First what needs no quiet machine, three at a time, for much of it waits; then signals, kills and races, two at a time.
test: $(STAMP)
	$(BIN)/python -m pytest -m "not soak" -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/faults
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist worksteal tests/faults

# RVC_KIT names a folder with the whole conformance kit; without it the copied part is used. Writes docs/reliability.md.
soak: $(STAMP)
	rm -f faults.jsonl
	failed=0; \
	$(BIN)/python -m pytest -m "soak or not soak" -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/faults || failed=1; \
	RVC_FAULT_TABLE=faults.jsonl $(BIN)/python -m pytest -m "soak or not soak" -n 2 --dist worksteal tests/faults || failed=1; \
	$(BIN)/python -m tests.faults.table faults.jsonl || failed=1; \
	exit $$failed

# A table of each stage's speed; BENCH="--peer CHECKOUT --peer-python PYTHON" sets another RVC program beside it.
bench: $(STAMP)
	$(BIN)/python benchmarks/engine_speed.py $(BENCH)

# Checks the claims about GPU support on this machine's GPU; writes docs/gpu.md. At most ten minutes.
gpu-check: $(STAMP)
	$(BIN)/python benchmarks/gpu_check.py

# Trains for some minutes; writes docs/tour/ and the tour in README.md.
tour: $(STAMP)
	$(BIN)/python docs/tour.py

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.licences --check

# The table of dependencies and their licences in docs/licences.md.
licences: $(STAMP)
	$(BIN)/python -m tools.licences

# The app's texts: new ones into every catalogue, then compiled. What is left to translate is counted.
texts: $(STAMP)
	$(BIN)/python -m tools.catalogues

clean:
	rm -rf $(VENV) demo

# make demo | test | soak | check | bench | texts: each makes its own .venv when there is none.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test soak check texts install clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python samples/demo.py $(DEMO)

# First what needs no quiet machine, two at a time; then signals, kills and races, one by one.
test: $(STAMP)
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist loadfile --ignore=tests/faults
	$(BIN)/python -m pytest -m "not soak" tests/faults

# RVC_KIT names a folder with the whole conformance kit; without it the copied part is used. Writes docs/reliability.md.
soak: $(STAMP)
	rm -f faults.json
	RVC_FAULT_TABLE=faults.json $(BIN)/python -m pytest -m "soak or not soak"
	$(BIN)/python -m tests.faults.table faults.json

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The app's texts: new ones into every catalogue, then compiled. What is left to translate is counted.
texts: $(STAMP)
	$(BIN)/python -m tools.catalogues

clean:
	rm -rf $(VENV) demo

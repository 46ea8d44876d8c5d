# Two commands for who comes new: `make demo` (the main job on the embedded films) and `make test`.
# Everything lives in .venv; it is installed again only when pyproject.toml or constraints.txt change.

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt
OUT ?= runs/demo

# The demo's nets and trees are small: more threads cost CPU time and save little.
export OMP_NUM_THREADS ?= 1

# The first interpreter that runs and is 3.11 or newer (one on the path may be a shim that does not run).
FIND_PYTHON = for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done

.DEFAULT_GOAL := help
.PHONY: help demo test check format docs constraints clean

help: ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

demo: $(VENV)/.make-demo ## compare on the embedded films; report, scores and model in runs/demo
	$(BIN)/umbel demo --out $(OUT)
	@echo "The report: $(OUT)/report.html"

test: $(VENV)/.make-test ## all tests and the examples of docstrings and docs
	$(PY) -m pytest

check: $(VENV)/.make-test ## style, types and the import contracts of the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.make-test ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-%: $(VENV)/.make-test ## run benchmarks/%.py, e.g. make bench-tables; results in docs/results
	$(PY) benchmarks/$*.py

docs: $(VENV)/.make-docs ## build the site into site/
	$(PY) benchmarks/render.py
	$(PY) docs/methods.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

constraints: $(VENV)/.make-test $(VENV)/.make-docs ## write constraints.txt from what is installed
	{ grep '^#' constraints.txt; $(PY) -m pip freeze --exclude-editable --exclude umbel \
	  | grep -E '^[A-Za-z0-9_.-]+==' | sed -E 's/\+[a-z0-9.]+$$//' | LC_ALL=C sort -f; } > .make-constraints
	mv .make-constraints constraints.txt

clean: ## remove the environment, the runs and the built site
	rm -rf $(VENV) runs site dist build .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.make-venv:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo "umbel needs Python 3.11 or newer, and none was found" >&2; exit 2; fi; \
	if [ ! -x $(PY) ]; then echo "making $(VENV) with $$($$python --version)"; $$python -m venv $(VENV); fi
	@touch $@

$(VENV)/.make-demo: $(VENV)/.make-venv pyproject.toml constraints.txt
	$(INSTALL) -e ".[demo]"
	@touch $@

$(VENV)/.make-test: $(VENV)/.make-venv pyproject.toml constraints.txt
	$(INSTALL) -e ".[demo,tables,duplicates,image,audio,text,docs,test,check]"
	@touch $@ $(VENV)/.make-demo

$(VENV)/.make-docs: $(VENV)/.make-venv pyproject.toml constraints.txt
	$(INSTALL) -e ".[demo,docs]"
	@touch $@

# make            install what is missing, fetch what is pinned, build build/heddle
# make help       the rest
WERROR ?= $(if $(CI),true,false)
COMPILE = tools/build build -Dwerror=$(WERROR)

.PHONY: all build setup demo test bench fuzz soak noninterference lint clean help
all: build

setup:
	@tools/setup build

build: setup
	@$(COMPILE)

demo: ## build, fetch the demo's data, run the story
	@tools/setup demo
	@$(COMPILE)
	@build/heddle demo --data-files "$$(tools/fetch path completejourney)"

test: ## every test; ends in one line `N passed, N failed`
	@tools/setup test
	@WERROR=$(WERROR) tools/test

noninterference: ## PAIRS hostile statements (default 200000, of SEED) over two worlds, and what their times tell
	@tools/setup test
	@$(COMPILE)
	@HEDDLE_PAIRS=$(or $(PAIRS),200000) HEDDLE_SEED=$(or $(SEED),1) build/tests/unit/query/query_test_leak
	@build/tests/unit/query/query_leak_timing

lint: ## the project's own rules about its source
	@python3 tests/lint/lint.py

fuzz: ## each fuzz target for SECONDS (default 600)
	@tools/setup test
	@WERROR=$(WERROR) tools/test --only fuzz --fuzz-seconds $(or $(SECONDS),600)

bench: ## the numbers, beside raw DuckDB on the same files
	@tools/setup test
	@$(COMPILE)
	@"$$(tools/fetch venv)/bin/python" tests/perf/bench.py $(ARGS)

soak: ## the scenarios again and again for MINUTES (default 60)
	@tools/setup test
	@WERROR=$(WERROR) tools/test --only scenario --soak-minutes $(or $(MINUTES),60)

clean: ## remove what was built; the cache of downloads stays
	rm -rf build build-asan build-fuzz

help: ## this list
	@echo "make            build build/heddle, with all set-up"
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{printf "make %-15s %s\n", $$1, $$2}'

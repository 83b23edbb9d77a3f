# Gyre: how to build, run, test and install it. `make help` lists the targets.
#
# Every variant (release, debug, asan, tsan, fuzz, broken) has its own folder under build/, so they never mix:
# `make VARIANT=asan build` makes build/asan/gyre-server.

SHELL := /bin/bash
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory

VARIANT ?= release
BUILD := build/$(VARIANT)
VERSION := 0.1.0
JOBS := $(shell nproc)
# Debian's own: python3-redis is installed for it and for no other.
PYTHON := /usr/bin/python3

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
BASE := -std=gnu11 -g -I. -D_GNU_SOURCE -DGYRE_VERSION='"$(VERSION)"' -fno-omit-frame-pointer -pthread
LIBS := -luring -llzf -lm -pthread

FLAGS_release := -O2 -fno-plt
FLAGS_debug := -O0 -DDEBUG
FLAGS_asan := -O1 -DDEBUG -DMEM_LIBC -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := -O1 -DDEBUG -DMEM_LIBC -fsanitize=thread
FLAGS_fuzz := -O1 -DDEBUG -DMEM_LIBC -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
# With faults to choose from that the history checker must be able to find (server/broken.h, checker-demo).
FLAGS_broken := $(FLAGS_release) -DBREAK_HOLDS

CC_fuzz := clang
VCC := $(or $(CC_$(VARIANT)),gcc)
VFLAGS := $(FLAGS_$(VARIANT))
ifneq (,$(filter release debug broken,$(VARIANT)))
LIBS += -lmimalloc
endif

SOURCES := $(wildcard shard/*/*.c persist/*.c repl/*.c server/*.c server/cmd/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIB_OBJECTS := $(filter-out $(BUILD)/server/main.o,$(OBJECTS))

BENCH_SOURCES := $(wildcard bench/*.c)
BENCH_OBJECTS := $(BENCH_SOURCES:%.c=$(BUILD)/%.o)
BENCH_LIB_OBJECTS := $(filter-out $(BUILD)/bench/main.o,$(BENCH_OBJECTS))

HISTORY_SOURCES := $(wildcard tests/history/*.c)
HISTORY_OBJECTS := $(HISTORY_SOURCES:%.c=$(BUILD)/%.o)
HISTORY_LIB_OBJECTS := $(filter-out $(BUILD)/tests/history/main.o,$(HISTORY_OBJECTS))

UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/%)
# Criterion's own runner does not survive the thread sanitizer: see that file.
UNIT_MAIN := $(if $(filter tsan,$(VARIANT)),tests/tools/plain_criterion.c)

FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/tests/%)
FUZZ_SECONDS ?= 60

DESTDIR ?=
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system

# `make V=1` shows the commands themselves.
ifeq ($(V),)
QUIET = @printf '  %-5s %s\n' $(1) $@;
endif

##@ Building

.PHONY: build
build: $(BUILD)/gyre-server $(BUILD)/gyre-bench ## Build the server and the load generator, optimised, with debug symbols: build/release/gyre-* (VARIANT=... for others)

.PHONY: debug asan tsan
debug asan tsan: ## Build a variant: for a debugger; with the address and undefined-behaviour or the thread sanitizer
	@$(MAKE) VARIANT=$@ build

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call QUIET,CC)$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/gyre-server: $(OBJECTS)
	$(call QUIET,LINK)$(VCC) $(BASE) $(VFLAGS) $(CFLAGS) $(OBJECTS) $(LDFLAGS) $(LIBS) -rdynamic -o $@

$(BUILD)/gyre-bench: $(BENCH_OBJECTS) $(BUILD)/libgyre.a
	$(call QUIET,LINK)$(VCC) $(BASE) $(VFLAGS) $(CFLAGS) $^ $(LDFLAGS) $(LIBS) -o $@

$(BUILD)/libgyre.a: $(LIB_OBJECTS)
	@rm -f $@
	$(call QUIET,AR)ar rcs $@ $(LIB_OBJECTS)

##@ Running

.PHONY: run deps
run: deps ## Install what is missing, build, and serve on 127.0.0.1:6379 in the foreground (ARGS="--maxmemory 1gb ...")
	@$(MAKE) -j$(JOBS) VARIANT=release build
	@exec build/release/gyre-server --bind 127.0.0.1 --port 6379 $(ARGS)

deps: ## Install what building needs (apt, with sudo when not root); does nothing when all is there
	@tests/tools/install-deps.sh run

.PHONY: install
install: $(BUILD)/gyre-server $(BUILD)/gyre-bench ## Install the server, the load generator, the sample configuration and systemd unit (DESTDIR, PREFIX=/usr/local, UNITDIR)
	install -D -m 755 $(BUILD)/gyre-server $(DESTDIR)$(PREFIX)/bin/gyre-server
	install -D -m 755 $(BUILD)/gyre-bench $(DESTDIR)$(PREFIX)/bin/gyre-bench
	install -D -m 644 gyre.conf $(DESTDIR)$(PREFIX)/share/gyre/gyre.conf
	test -e $(DESTDIR)/etc/gyre/gyre.conf || install -D -m 644 gyre.conf $(DESTDIR)/etc/gyre/gyre.conf
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@PREFIX@|$(PREFIX)|g' server/gyre-server.service.in > $(DESTDIR)$(UNITDIR)/gyre-server.service
	chmod 644 $(DESTDIR)$(UNITDIR)/gyre-server.service

.PHONY: bench
bench: ## Measure beside redis-server and others: CPU per operation, throughput, p99 (BENCH="--rounds 5 --server 'valkey=valkey-server --port {port}'")
	@tests/tools/install-deps.sh run test
	@$(MAKE) -j$(JOBS) VARIANT=release build
	@$(PYTHON) bench/compare.py $(BENCH)

# Measurements of single modules, for people who change them: each file says how it is called.
$(BUILD)/tests/bench_%: tests/bench/bench_%.c $(BUILD)/libgyre.a
	@mkdir -p $(@D)
	$(call QUIET,LINK)$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) $< $(BUILD)/libgyre.a $(LDFLAGS) $(LIBS) -o $@

##@ Testing

.PHONY: test
test: ## Install what tests need, build, run unit, end-to-end, differential and history tests
	@tests/tools/install-deps.sh run test
	@tests/tools/install-node-clients.sh
	@$(MAKE) -j$(JOBS) VARIANT=release test-build
	@$(PYTHON) tests/run.py --variant release $(TESTS)

.PHONY: test-build unit-build
unit-build: $(UNIT_TESTS)
# What tests/run.py runs. The history client is always the fast one: only the server's variant matters there.
test-build: build unit-build
	@$(MAKE) VARIANT=release build/release/gyre-history

$(BUILD)/tests/test_%: tests/unit/test_%.c $(BUILD)/libgyre.a $(HISTORY_LIB_OBJECTS) $(UNIT_MAIN)
	@mkdir -p $(@D)
	$(call QUIET,TEST)$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(UNIT_MAIN) $(HISTORY_LIB_OBJECTS) $(BUILD)/libgyre.a \
	    $(LDFLAGS) $(LIBS) -lcriterion -o $@

$(BUILD)/tests/test_bench_%: tests/unit/test_bench_%.c $(BENCH_LIB_OBJECTS) $(BUILD)/libgyre.a $(UNIT_MAIN)
	@mkdir -p $(@D)
	$(call QUIET,TEST)$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(UNIT_MAIN) $(BENCH_LIB_OBJECTS) $(BUILD)/libgyre.a \
	    $(LDFLAGS) $(LIBS) -lcriterion -o $@

$(BUILD)/gyre-history: $(HISTORY_OBJECTS) $(BUILD)/libgyre.a
	$(call QUIET,LINK)$(VCC) $(BASE) $(VFLAGS) $(CFLAGS) $^ $(LDFLAGS) $(LIBS) -o $@

.PHONY: checker-demo
checker-demo: ## Show that the history checker finds each fault of a server that was broken on purpose
	@tests/tools/install-deps.sh run test
	@$(MAKE) -j$(JOBS) VARIANT=broken build
	@$(MAKE) VARIANT=release build/release/gyre-history
	@$(PYTHON) tests/tools/checker_demo.py

.PHONY: models
models: ## Search the models of tests/models with spin: no interleaving loses a wake-up or gives a slice to two
	@tests/tools/install-deps.sh run model
	@tests/tools/check_models.sh

.PHONY: fuzz fuzz-build
fuzz: ## Run every fuzzer for FUZZ_SECONDS (60), beginning with the committed corpus; findings go to build/fuzz/findings
	@tests/tools/install-deps.sh run test
	@$(MAKE) -j$(JOBS) VARIANT=fuzz fuzz-build
	@tests/tools/fuzz.sh $(FUZZ_SECONDS)

fuzz-build: $(FUZZERS)

$(BUILD)/tests/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/libgyre.a
	@mkdir -p $(@D)
	$(call QUIET,FUZZ)$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -MT $@ $< $(BUILD)/libgyre.a \
	    $(LDFLAGS) $(LIBS) -o $@

##@ Tidiness

C_FILES = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
TIDY_FILES = $(SOURCES) $(BENCH_SOURCES) $(HISTORY_SOURCES)

.PHONY: lint lint-format lint-tidy lint-includes lint-python tidy format
lint: ## Check formatting, clang-tidy's findings and the direction of includes; report what is too long
	@tests/tools/install-deps.sh run lint
	@$(MAKE) -k -j$(JOBS) lint-format lint-includes lint-python lint-tidy
	@$(MAKE) tidy

lint-format:
	@clang-format --dry-run -Werror $(C_FILES)

lint-includes:
	@$(PYTHON) tests/tools/check_includes.py

lint-python:
	@git ls-files '*.py' | xargs pyflakes3

lint-tidy: $(TIDY_FILES:%.c=build/lint/%.tidy)

# One stamp a file, so that only what changed is looked at again. -O2 would only slow it down.
build/lint/%.tidy: %.c .clang-tidy tests/unit/.clang-tidy Makefile
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(BASE) $(WARN) 2>$@.log || { cat $@.log; exit 1; }
	@clang $(BASE) -MM -MP -MT $@ -MF $@.d $<
	@touch $@

tidy: ## Report files, functions, lines and parameter lists above the sizes this project aims at
	@$(PYTHON) tests/tools/tidy.py

format: ## Format every C file in place
	@tests/tools/install-deps.sh lint
	clang-format -i $(C_FILES)

.PHONY: clean help
clean: ## Remove everything that was built
	rm -rf build tests/e2e/node/node_modules

help: ## Show this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} \
	    /^[a-z][a-z -]*:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

-include $(OBJECTS:.o=.d) $(BENCH_OBJECTS:.o=.d) $(HISTORY_OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(FUZZERS:=.d)
-include $(TIDY_FILES:%.c=build/lint/%.tidy.d)

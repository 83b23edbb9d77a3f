# Gyre: how to build, run, test and install it. `make help` lists the targets.
#
# Every variant (release, debug, asan, tsan, fuzz) has its own folder under build/, so they never mix.

SHELL := /bin/bash
.DEFAULT_GOAL := build

VARIANT ?= release
CC_release ?= gcc
BUILD := build/$(VARIANT)
VERSION := 0.1.0

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
BASE := -std=gnu11 -g -I. -D_GNU_SOURCE -DGYRE_VERSION='"$(VERSION)"' -fno-omit-frame-pointer -pthread
LIBS := -luring -llzf -lm -pthread

FLAGS_release := -O2 -fno-plt
FLAGS_debug := -O0 -DDEBUG
FLAGS_asan := -O1 -DDEBUG -DMEM_LIBC -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := -O1 -DDEBUG -DMEM_LIBC -fsanitize=thread
FLAGS_fuzz := -O1 -DDEBUG -DMEM_LIBC -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

CC_asan := gcc
CC_tsan := gcc
CC_debug := gcc
CC_fuzz := clang
VCC := $(CC_$(VARIANT))
VFLAGS := $(FLAGS_$(VARIANT))
ifneq (,$(filter release debug,$(VARIANT)))
LIBS += -lmimalloc
endif

SOURCES := $(wildcard shard/*/*.c persist/*.c repl/*.c server/*.c server/cmd/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIB_OBJECTS := $(filter-out $(BUILD)/server/main.o,$(OBJECTS))
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/%)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/gyre-server: $(OBJECTS)
	$(VCC) $(BASE) $(VFLAGS) $(CFLAGS) $(OBJECTS) $(LDFLAGS) $(LIBS) -rdynamic -o $@

$(BUILD)/libgyre.a: $(LIB_OBJECTS)
	@rm -f $@
	ar rcs $@ $(LIB_OBJECTS)

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libgyre.a
	@mkdir -p $(@D)
	$(VCC) $(BASE) $(WARN) $(VFLAGS) $(CFLAGS) $< $(BUILD)/libgyre.a $(LDFLAGS) $(LIBS) -lcriterion -o $@

.PHONY: build unit-build
build: $(BUILD)/gyre-server
unit-build: $(UNIT_TESTS)

-include $(OBJECTS:.o=.d)

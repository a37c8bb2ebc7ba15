# SPDX-License-Identifier: Apache-2.0
# A thin front for Meson. `make demo` and `make check` are all that a new user needs.
BUILD ?= build
ASAN ?= $(BUILD)-asan
MESON_FLAGS ?=

.PHONY: all build demo check check-long bench fuzz format install clean packages-build \
	packages-demo packages-check

all: build

packages-build:
	@tools/install-packages build

packages-demo:
	@tools/install-packages build demo

packages-check:
	@tools/install-packages build demo check

$(BUILD)/build.ninja:
	@meson setup $(MESON_FLAGS) $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

$(ASAN)/build.ninja:
	@meson setup -Db_sanitize=address,undefined -Doptimization=1 $(ASAN) >$(ASAN).log 2>&1 \
		|| { cat $(ASAN).log; exit 1; }
	@rm -f $(ASAN).log

# The program is $(BUILD)/kujo.
build: packages-build
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -j2 --quiet -C $(BUILD)

demo: packages-demo build
	@demo/run $(BUILD)/kujo

check: packages-check build
	@$(MAKE) --no-print-directory $(ASAN)/build.ninja
	@ninja -j2 --quiet -C $(ASAN)
	@tests/run $(BUILD) $(ASAN)

# The same tests with larger counts, and longer fuzzing.
check-long: packages-check build
	@$(MAKE) --no-print-directory $(ASAN)/build.ninja
	@ninja -j2 --quiet -C $(ASAN)
	@KUJO_LONG=1 tests/run $(BUILD) $(ASAN)

bench: packages-check build
	@bench/run $(BUILD)/kujo

fuzz: packages-check
	@tests/fuzz/run

format:
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

install: build
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(ASAN) build-fuzz demo/out

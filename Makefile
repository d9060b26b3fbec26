# make            build the program: build/dunlin
# make check      the fast lane: layers, tidy, unit, golden and simulation tests (about a minute)
# make all-tests  everything: adds end to end with real peers, browser, sanitizers, short fuzzing
# make format     format the code
PATH := $(CURDIR)/.cache/node/bin:$(PATH)
export PATH
NINJA_STATUS ?= [%f/%t] 

.PHONY: build check all-tests format clean configure configure-tests

build: configure
	@cmake --build --preset release --target dunlin
	@ln -sf release/apps/dunlin build/dunlin
	@touch build/.built

# Who only runs the program need not have the tests' libraries.
configure:
	@mkdir -p build
	@test -f build/release/build.ninja || cmake --preset release -D DUNLIN_TESTS=OFF >build/configure.log 2>&1 || (cat build/configure.log; exit 1)

configure-tests:
	@mkdir -p build
	@cmake --preset release >build/configure.log 2>&1 || (cat build/configure.log; exit 1)

check: configure-tests
	@cmake --build --preset release
	@ln -sf release/apps/dunlin build/dunlin && touch build/.built
	@ctest --test-dir build/release -L check -j2 --output-on-failure

all-tests:
	@tools/run_tests

format:
	@find src apps tests bench -name '*.h' -o -name '*.cc' | xargs clang-format-19 -i

clean:
	@rm -rf build

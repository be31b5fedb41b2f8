# SPDX-License-Identifier: GPL-2.0-or-later
# The everyday commands; the build itself is meson's, in build/.

BUILD = build
NINJA = ninja
TESTS =
CASES =
RUNS =
QUICK =
MODE =
EXPORT =
JSON =
QEMU =
SECONDS = 60
SEED =
RUN_TESTS = scripts/run-tests $(BUILD) $(TESTS)

all: configured
	@$(NINJA) -C $(BUILD)

help:
	@echo 'make                 build everything in $(BUILD)/'
	@echo 'make check           build and run all tests; the last line counts them'
	@echo 'make check TESTS=X   only tests whose name holds X'
	@echo 'make check-quick     without the tests with real guests, which take minutes (root)'
	@echo 'make check-functional  only the tests with real guests in QEMU (root)'
	@echo 'make check-compilers  let gcc or clang, the one that did not build, read each file'
	@echo 'make check-sandbox   run the qtests with the daemon confined by -sandbox on'
	@echo 'make check-valgrind  run the unit tests and qtests under valgrind'
	@echo 'make check-random SECONDS=N SEED=N  random QMP with traffic for N seconds'
	@echo 'make check-upstream QEMU=BINARY  run the scenarios of upstream/ against a QEMU'
	@echo 'make demo            show the redirector at work while the VM is stopped'
	@echo 'make demo-migration  migrate a loaded guest, beside stock QEMU (root; 4 minutes)'
	@echo 'make demo-migration RUNS=2 MODE=postcopy EXPORT=dgram QEMU=PROGRAM  so often; in this way'
	@echo 'make bench           measure beside QEMU and a bare relay (about 7 minutes)'
	@echo 'make bench CASES=a,c RUNS=9 QUICK=1 JSON=F  only these; so often; roughly; into F too'
	@echo 'make fuzz SECONDS=N  fuzz each parser for N seconds (./configure --enable-fuzz)'
	@echo 'make docs            build the book (HTML) in $(BUILD)/docs/html, and nothing else'
	@echo 'make install         install below the prefix; DESTDIR=DIR puts DIR in front'
	@echo 'make deb             build the Debian package in build-deb/'
	@echo 'make check-deb       build and run the package in fresh Debian systems (root)'
	@echo 'make clean           delete what was built; the configuration stays'
	@echo 'make help            show this text'

check: all
	@$(RUN_TESTS)

check-quick: all
	@$(RUN_TESTS) --without functional/

check-functional: all
	@scripts/run-tests $(BUILD) functional/$(TESTS)

check-compilers: all
	@scripts/check-compilers $(BUILD)

check-sandbox: all
	@scripts/run-tests --sandbox $(BUILD) qtest/$(TESTS)

check-valgrind: all
	@$(RUN_TESTS) --valgrind

check-random: all
	@PYTHONDONTWRITEBYTECODE=1 tests/random/random_qmp.py --seconds $(SECONDS) \
	    $(if $(SEED),--seed $(SEED)) $(BUILD)/qemu-net-daemon

# Each case in a process of its own: a crash or a hang is one failure.
check-upstream: configured
	@$(NINJA) -C $(BUILD) --quiet tests/upstream/test-filter-stopped
	@upstream/check $(BUILD)/tests/upstream/test-filter-stopped $(QEMU)

demo: all
	@tests/demo/demo.py $(BUILD)/qemu-net-daemon $(BUILD)/demo

demo-migration: all
	@PYTHONDONTWRITEBYTECODE=1 tests/functional/demo_migration.py $(if $(RUNS),--runs $(RUNS)) \
	    $(if $(MODE),--mode $(MODE)) $(if $(EXPORT),--export $(EXPORT)) \
	    $(if $(QEMU),--qemu '$(QEMU)') $(BUILD)

bench: all
	@PYTHONDONTWRITEBYTECODE=1 tests/bench/bench.py $(if $(CASES),--cases '$(CASES)') \
	    $(if $(RUNS),--runs $(RUNS)) $(if $(QUICK),--quick) $(if $(JSON),--json '$(JSON)') \
	    $(BUILD)

fuzz: all
	@scripts/run-fuzz $(BUILD) $(SECONDS) $(TESTS)

docs: configured
	@$(NINJA) -C $(BUILD) --quiet qapi/qapi-reference.rst
	@scripts/build-docs $(BUILD)

install: all
	@DESTDIR='$(DESTDIR)' meson install --no-rebuild -C $(BUILD)

deb:
	@scripts/build-deb build-deb

check-deb:
	@scripts/check-deb build-check-deb

clean: configured
	@$(NINJA) -C $(BUILD) clean
	@rm -rf $(BUILD)/docs $(BUILD)/demo $(BUILD)/test-logs

configured:
	@test -f $(BUILD)/build.ninja || { \
	    echo 'make: $(BUILD)/ is not configured; run ./configure first' >&2; exit 1; }

.PHONY: all help check check-quick check-functional check-compilers check-sandbox \
        check-valgrind check-random check-upstream demo demo-migration bench fuzz \
        docs install deb check-deb clean configured

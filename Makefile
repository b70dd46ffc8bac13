# skep's only Makefile. `make help` lists what it makes.
#
# Sources are found by folder: every src/ROOM/*.c is part of the library but src/cmd/, which is
# the program. A unit test tests/unit/ROOM_*.c is one cmocka program.

BUILD ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC = gcc
endif
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-5s %s\n')

# The rooms of the house, lowest first. A developer of one room may build fewer.
ROOMS ?= base bpf elf types cdecl image sym ir probe lang engine kernel out run api

VERSION := $(shell cat VERSION)
WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wshadow
override CPPFLAGS += -Isrc -Iinclude -D_GNU_SOURCE -DSKEP_VERSION='"$(VERSION)"'
override CFLAGS += -std=gnu11 -fPIC -fvisibility=hidden -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections $(WARN) $(EXTRA_CFLAGS)
override LDFLAGS += -Wl,--gc-sections -Wl,-z,noseparate-code $(EXTRA_LDFLAGS)
LIBS := -lelf -lz

# libpcap is loaded when a filter expression comes; a static skep holds it where there is one to
# link with (PCAP=no leaves it out).
ifneq ($(filter -static,$(EXTRA_LDFLAGS)),)
override CPPFLAGS += -DSKEP_STATIC
PCAP ?= $(shell t=$$(mktemp) && echo 'int pcap_open_dead(int, int); int main(void) { return !pcap_open_dead(1, 1); }' | \
	$(CC) -static -x c -o $$t - -lpcap 2>/dev/null && echo yes; rm -f $$t)
ifeq ($(PCAP),yes)
override CPPFLAGS += -DPCAP_LINKED
LIBS += -lpcap
endif
endif

LIB_SRC := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))
LIB_OBJ := $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
CMD_SRC := $(wildcard src/cmd/*.c)
CMD_OBJ := $(CMD_SRC:src/%.c=$(BUILD)/obj/%.o)
UNIT_SRC := $(foreach r,$(ROOMS),$(wildcard tests/unit/$(r)_*.c))
UNITS := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
FUZZ_SRC := $(wildcard fuzz/*.c)

.PHONY: all help lib install-lib run test test-kernels bless bench fuzz diff-kernel static install clean units units-build calls fuzzers
all: $(BUILD)/skep $(BUILD)/skep-conformance

help:
	@sed -n 's/^#: //p' Makefile

#: make               builds build/skep
#: make run           installs what the build needs, builds, and shows who opens which files
run:
	$(Q)tools/need build
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/run $(BUILD)/skep

#: make test          installs what the tests need and runs them (root: traces this machine)
test:
	$(Q)tools/need build test
	$(Q)tools/check test

#: make test-kernels  boots Debian's 6.1 and 6.12 kernels under qemu and runs the tests inside
test-kernels:
	$(Q)tools/need build test kernels
	$(Q)tools/check kernels

#: make bless         rewrites the golden files from what the build says now; review the diff
bless: $(UNITS)
	$(Q)for t in $(filter %_golden,$(UNITS)); do BLESS=1 $$t >/dev/null; done

#: make bench         compares with bpftrace and ply where installed; writes bench/results.md
bench: all calls $(BUILD)/spawn
	$(Q)bench/run

#: make fuzz          a minute of libFuzzer for each entry in fuzz/ (FUZZ_SECONDS=n to change)
fuzz:
	$(Q)tools/need build test
	$(Q)tools/check fuzz

#: make diff-kernel   random programs here and on the running kernel (root; SECONDS=60, SEED=n)
SECONDS ?= 60
diff-kernel: $(BUILD)/unit/engine_diff_kernel
	$(Q)SECONDS=$(SECONDS) SEED=$(or $(SEED),$$(date +%s)00000) $<

#: make static        one static binary, build-static/skep
static:
	$(Q)tools/need build
	$(Q)$(MAKE) --no-print-directory BUILD=build-static CFLAGS='-Os' EXTRA_LDFLAGS='-static' \
		build-static/skep
	$(Q)strip build-static/skep
	$(Q)ls -l build-static/skep

#: make lib           builds the library, build/libskep.a and build/libskep.so
lib: $(BUILD)/libskep.a $(BUILD)/libskep.so

#: make install-lib   installs the library, its header and skep.pc
install-lib: lib
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/skep include/skep/skep.h
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib $(BUILD)/libskep.a
	install -m 755 $(BUILD)/libskep.so $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libskep.so
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(LIBS) -lpthread|' skep.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/skep.pc

#: make install       installs to PREFIX (/usr/local), with the name bpftrace as a link if LINKS=1
install: all install-lib
	install -D -m 755 $(BUILD)/skep $(DESTDIR)$(PREFIX)/bin/skep
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/*.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/skep/examples examples/*.bt
	$(if $(LINKS),ln -sf skep $(DESTDIR)$(PREFIX)/bin/bpftrace)

#: make clean         removes everything that was built
clean:
	rm -rf build build-*

#: Variables: CC, CFLAGS, BUILD (folder), V=1 (show commands), PREFIX, DESTDIR

$(BUILD)/skep: $(CMD_OBJ) $(BUILD)/libskep.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# A plugin for suites that test BPF engines; src/conformance/ is no part of the library.
CONFORMANCE_OBJ := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/conformance/*.c))
$(BUILD)/skep-conformance: $(CONFORMANCE_OBJ) $(BUILD)/libskep.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libskep.a: $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Only what skep.h declares can be seen from outside of the shared library.
SONAME := libskep.so.0
API_OBJ := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/api/*.c))
$(BUILD)/libskep.so: $(API_OBJ) $(BUILD)/libskep.a src/api/skep.map
	$(say) LINK $@
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -Wl,-soname,$(SONAME) -Wl,-z,defs -Wl,--as-needed \
		-Wl,--version-script=src/api/skep.map -o $@ $(API_OBJ) $(BUILD)/libskep.a $(LIBS) -lpthread

$(BUILD)/obj/%.o: src/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libskep.a
	$(say) UNIT $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(BUILD)/libskep.a -lcmocka $(LIBS)

# units: build and run the unit tests of the chosen rooms.
units-build: $(UNITS)
units: $(UNITS)
	$(Q)fail=0; for t in $(UNITS); do $$t || fail=1; done; exit $$fail

# calls: the program that the end-to-end tests trace; calls32 only where a 32-bit libc is at hand.
calls: $(BUILD)/calls
$(BUILD)/calls: tests/calls.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)gcc -O1 -g -fno-omit-frame-pointer -o $@ $< -lpthread
	-$(Q)gcc -m32 -O1 -g -fno-omit-frame-pointer -idirafter /usr/include/x86_64-linux-gnu \
		-o $@32 $< -lpthread 2>/dev/null || true

# bench-NAME: bench/NAME.c, a small program over the library.
$(BUILD)/bench-%: bench/%.c $(BUILD)/libskep.a
	$(say) BENCH $@
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/libskep.a -lpthread $(LIBS)

$(BUILD)/spawn: bench/spawn.c
	$(say) CC $@
	$(Q)gcc -O1 -o $@ $<

# Fuzzers: every fuzz/NAME.c with libFuzzer (clang), and as a plain program that replays files.
$(BUILD)/fuzz/%: fuzz/%.c $(BUILD)/libskep.a
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(FUZZ_FLAGS) -o $@ $< $(FUZZ_MAIN) $(BUILD)/libskep.a $(LIBS)
fuzzers: $(FUZZ_SRC:fuzz/%.c=$(BUILD)/fuzz/%)

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(CONFORMANCE_OBJ:.o=.d) $(UNITS:=.d)

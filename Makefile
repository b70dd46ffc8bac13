# skep's only Makefile. `make help` lists what it makes.
#
# Sources are found by folder: every src/ROOM/*.c is part of the library but src/cmd/, which is
# the program. A unit test tests/unit/ROOM_*.c is one cmocka program.

BUILD ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-5s %s\n')

# The rooms of the house, lowest first. A developer of one room may build fewer.
ROOMS ?= base bpf elf types image sym ir probe lang kernel out run

VERSION := $(shell cat VERSION)
WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wshadow
override CPPFLAGS += -Isrc -Iinclude -I$(BUILD) -D_GNU_SOURCE -DSKEP_VERSION='"$(VERSION)"'
override CFLAGS += -std=gnu11 $(WARN) $(EXTRA_CFLAGS)
LIBS := -lelf -lz

LIB_SRC := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))
LIB_OBJ := $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
CMD_SRC := $(wildcard src/cmd/*.c)
CMD_OBJ := $(CMD_SRC:src/%.c=$(BUILD)/obj/%.o)
UNIT_SRC := $(foreach r,$(ROOMS),$(wildcard tests/unit/$(r)_*.c))
UNITS := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)

.PHONY: all units
all: $(BUILD)/skep

$(BUILD)/skep: $(CMD_OBJ) $(BUILD)/libskep.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libskep.a: $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/obj/%.o: src/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libskep.a
	$(say) UNIT $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(BUILD)/libskep.a -lcmocka $(LIBS)

# units: build and run the unit tests of the chosen rooms.
units: $(UNITS)
	$(Q)fail=0; for t in $(UNITS); do $$t || fail=1; done; exit $$fail

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(UNITS:=.d)

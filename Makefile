# Tickeasy jobs: the floor plan. `make` builds bin/, `make help` lists the targets.

VERSION  = 0.1.0
PROGRAMS = expire-orders send-reminders deliver-mail cleanup-data health-check
DESK     = taskctl
API      = tasks-api
ALL      = $(PROGRAMS) $(DESK) $(API)

# --- tools and flags -----------------------------------------------------------------------------
CC         ?= gcc
PKG_CONFIG ?= pkg-config
PACKAGES    = libpq libcurl jansson libssl libcrypto libidn2 libjwt
BUILD      ?= build
BIN        ?= bin
# where make install puts things, below DESTDIR; the jobs read /etc/tickeasy-jobs.conf in any case
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=

OPTIMIZE ?= -O2
HARDEN    = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
            -fcf-protection -fPIE
WARN      = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Icommon
CFLAGS   += -std=c17 $(OPTIMIZE) -g $(WARN)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed

comma := ,
# SANITIZE=address,undefined builds beside the ordinary build, so both can stay.
ifdef SANITIZE
BUILD    := build/$(subst $(comma),-,$(SANITIZE))
BIN      := $(BUILD)/bin
OPTIMIZE  = -O1 -fno-omit-frame-pointer
HARDEN    = -fPIE
CFLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=$(SANITIZE)
endif

# COVERAGE=1 builds beside that too, and counts the lines that run; see tests/coverage
ifdef COVERAGE
BUILD    := $(BUILD)/coverage
BIN      := $(BUILD)/bin
OPTIMIZE  = -O0
HARDEN    = -fPIE
CFLAGS   += --coverage -fprofile-update=atomic
LDFLAGS  += --coverage
endif

CFLAGS   += $(HARDEN) $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
# libesmtp has no pkg-config file in Debian 12
LIBS      = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lesmtp
UNIT_LIBS = $(shell $(PKG_CONFIG) --libs cmocka)

ifeq ($(V),1)
quiet =
say   = @:
else
quiet = @
say   = @printf '  %-8s %s\n'
endif

# --- what there is -------------------------------------------------------------------------------
EMBEDDED   = $(sort $(wildcard common/sql/*.sql jobs/sql/*/*.sql jobs/templates/*.json jobs/templates/*/*) jobs/openapi.json)
COMMON     = $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c)) $(BUILD)/embedded.o
LIBRARY    = $(BUILD)/libcommon.a
UNIT_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
C_FILES    = $(wildcard common/*.[ch] jobs/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/peers/*.[ch])

# the network checks of health-check
CHECKS     = $(patsubst %,$(BUILD)/jobs/%.o,checks check-database check-redis check-storage \
               check-openai check-mail aside)

# the pure parts of taskctl crontab
CRONTAB    = $(patsubst %,$(BUILD)/jobs/%.o,crontab-text crontab-read crontab-schedule line-diff)

# what the programs print of themselves, to be installed beside them
MANUALS    = $(patsubst %,$(BUILD)/man/%.8,$(ALL)) $(BUILD)/man/tickeasy-jobs.conf.5
GENERATED  = $(MANUALS) $(BUILD)/tickeasy-jobs.conf.example $(BUILD)/completion.bash

all: $(patsubst %,$(BIN)/%,$(ALL)) $(GENERATED)

# beside its own file, what a program is made of
$(patsubst %,$(BIN)/%,$(ALL)): $(BUILD)/jobs/tasks.o
$(BIN)/$(DESK): $(patsubst %,$(BUILD)/jobs/%.o,desk desk-open desk-tasks desk-changes registry-change desk-runs \
                  desk-start desk-lists desk-missed missed-slots signs-of-life task-states \
                  desk-crontab crontab-program) $(CRONTAB)
$(BIN)/$(API): $(patsubst %,$(BUILD)/jobs/%.o,api-request api-reply api-token api-run desk desk-open \
                 desk-missed desk-start registry-change missed-slots signs-of-life task-states)
$(BIN)/expire-orders: $(BUILD)/jobs/due-orders.o
$(BIN)/cleanup-data: $(BUILD)/jobs/lanes.o $(BUILD)/jobs/old-rows.o $(BUILD)/jobs/old-sessions.o \
                     $(BUILD)/jobs/unused-files.o $(BUILD)/jobs/file-removal.o $(BUILD)/jobs/manifest.o
$(BIN)/health-check: $(CHECKS) $(BUILD)/jobs/check-own.o $(BUILD)/jobs/health-report.o

$(BIN)/%: $(BUILD)/jobs/%.o $(LIBRARY) | $(BIN)
	$(say) LINK $@
	$(quiet)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS)

# --- the library and its objects -----------------------------------------------------------------
$(LIBRARY): $(COMMON)
	$(say) AR $@
	$(quiet)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(say) CC $<
	$(quiet)mkdir -p $(@D)
	$(quiet)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/embedded.c: scripts/embed $(EMBEDDED) $(BUILD)/embedded-list
	$(say) EMBED $@
	$(quiet)scripts/embed $(EMBEDDED) >$@

$(BUILD)/embedded.o: $(BUILD)/embedded.c $(BUILD)/flags
	$(quiet)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Files that are made anew only when what they hold changes: the flags, the list of embedded files.
# Only then is there anything to do for them, so that make -q can tell whether all is built.
FLAGS = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
ifneq ($(file <$(BUILD)/flags),$(FLAGS))
$(BUILD)/flags: always
endif
$(BUILD)/flags: | $(BUILD)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

ifneq ($(file <$(BUILD)/embedded-list),$(EMBEDDED))
$(BUILD)/embedded-list: always
endif
$(BUILD)/embedded-list: | $(BUILD)
	@printf '%s\n' '$(EMBEDDED)' >$@

# --- what is printed by the programs themselves, so that it says what they do -----------------------
$(BUILD)/man/%.8: $(BIN)/% jobs/man/%.man jobs/man/every.man scripts/manual
	$(say) MANUAL $@
	$(quiet)mkdir -p $(@D)
	$(quiet)scripts/manual $(BIN)/$* jobs/man/$*.man >$@

$(BUILD)/man/tickeasy-jobs.conf.5: $(BUILD)/tickeasy-jobs.conf.example jobs/man/tickeasy-jobs.conf.man \
                                   jobs/man/every.man scripts/manual
	$(say) MANUAL $@
	$(quiet)mkdir -p $(@D)
	$(quiet)scripts/manual --keys $< jobs/man/tickeasy-jobs.conf.man >$@

# an empty configuration: that of this machine may be somebody else's, or wrong
$(BUILD)/empty.conf: | $(BUILD)
	@: >$@
$(BUILD)/tickeasy-jobs.conf.example: $(BIN)/$(DESK) $(BUILD)/empty.conf
	$(quiet)$(BIN)/$(DESK) config --example --config $(BUILD)/empty.conf >$@
$(BUILD)/completion.bash: $(BIN)/$(DESK) $(BUILD)/empty.conf
	$(quiet)$(BIN)/$(DESK) completion --config $(BUILD)/empty.conf >$@

$(BUILD) $(BIN):
	@mkdir -p $@

# --- tests ---------------------------------------------------------------------------------------
$(BUILD)/tests/unit/health_report: $(BUILD)/jobs/health-report.o
$(BUILD)/tests/unit/api_request: $(BUILD)/jobs/api-request.o $(BUILD)/jobs/api-reply.o
$(BUILD)/tests/unit/api_reply: $(BUILD)/jobs/api-reply.o
$(BUILD)/tests/unit/api_token: $(BUILD)/jobs/api-token.o
$(BUILD)/tests/unit/task_states: $(BUILD)/jobs/task-states.o
$(BUILD)/tests/unit/missed_slots: $(BUILD)/jobs/missed-slots.o $(BUILD)/jobs/task-states.o \
                               $(BUILD)/jobs/signs-of-life.o
$(BUILD)/tests/unit/crontab_text: $(CRONTAB) $(BUILD)/jobs/tasks.o
$(BUILD)/tests/unit/json_read: LDFLAGS += -Wl,--wrap=malloc # to refuse some

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIBRARY)
	$(say) LINK $@
	$(quiet)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS) $(UNIT_LIBS)

unit-tests: $(UNIT_TESTS)

$(BUILD)/tests/peers/run-checks: $(CHECKS)

$(BUILD)/tests/peers/%: $(BUILD)/tests/peers/%.o $(LIBRARY)
	$(say) LINK $@
	$(quiet)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(LIBS)

# Fuzz targets want clang: make fuzz FUZZ_SECONDS=60
FUZZ_SECONDS ?= 60
fuzz:
	tests/fuzz/run $(FUZZ_SECONDS)

# Where what is to be tested was built
build_here = TICKEASY_BIN=$(abspath $(BIN)) TICKEASY_BUILD=$(abspath $(BUILD))

# The faults of tests/faults/list, for real: make faults FAULTS='F1 F12' FULL=1. README=1 puts the
# table of what was seen last into README.md, when all were held.
faults: all
	$(build_here) tests/faults/run $(if $(FULL),--full) $(FAULTS)
	$(if $(README),tests/faults/run --table README.md)

# Which lines no test runs
coverage:
	tests/coverage/run

# The flags, for scripts/lint
print-cppflags:
	@: $(info $(CPPFLAGS) $(shell $(PKG_CONFIG) --cflags $(PACKAGES)))

test: all unit-tests
	$(build_here) scripts/test --no-setup

# QUICK=1 to see that it works; README=1 puts the table into README.md
bench: all
	rm -rf $(BUILD)/bench
	set -e; export $(build_here); for part in run mail cleanup files health api; do tests/bench/$$part $(if $(QUICK),--quick); done; \
	tests/bench/table $(if $(README),--readme)

demo:
	scripts/demo

help:
	@printf 'make all | test | faults | bench | coverage | lint | format | install | uninstall | demo | fuzz | clean\n'
	@printf 'V=1 shows the commands; SANITIZE=address,undefined builds in build/address-undefined\n'

lint:
	scripts/lint

format:
	clang-format -i $(C_FILES)

clean:
	rm -rf $(BUILD) $(BIN)

# --- installing ----------------------------------------------------------------------------------
# `make && sudo make install` leaves nothing of root's in build/: in a build of somebody else's root
# only looks whether all of it is there.
BUILDER := $(shell stat -c %U $(firstword $(wildcard $(BUILD)) .))
IS_GUEST := $(and $(filter 0,$(shell id -u)),$(filter-out root,$(BUILDER)))
LAYOUT = PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' DESTDIR='$(DESTDIR)' BIN='$(BIN)' \
         BUILD='$(BUILD)' PROGRAMS='$(PROGRAMS)' DESK='$(DESK)' API='$(API)'

install: $(if $(IS_GUEST),built,all)
	$(quiet)$(LAYOUT) scripts/install

uninstall:
	$(quiet)$(LAYOUT) scripts/install --remove

built:
	@$(MAKE) -q all || { \
	  echo 'make: not built yet, or with other settings: first run make as $(BUILDER)' >&2; exit 1; }

.PHONY: all always bench built clean coverage demo faults fuzz format help install lint print-cppflags test \
        uninstall unit-tests
.SECONDARY:
.DELETE_ON_ERROR:

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/*/*/*.d)

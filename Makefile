# SPDX-License-Identifier: MPL-2.0
#
# make run and make test do everything; make help lists the rest. All output goes under build/.
#
#   WERROR=1                warnings are errors
#   SANITIZE=address|thread the host programs with that sanitizer, under build/address or build/thread
#   RUN="..."               options for make run
#   FUZZ_SECONDS=N          how long make fuzz runs each target; TARGETS="..." picks targets
#   MINUTES=N SEED=N        how long make soak runs, and its first seed
#   TORN_READS=N            make soak goes on until N reads of changing slots have been checked
#   LIVE_READS=N            the same of changing pages of a Linux guest
#   EXTRA_FLAGS="..."       for all compilers
#   V=1                     show the commands

SANITIZE ?=
BUILD    := build$(if $(SANITIZE),/$(SANITIZE))
PREFIX   ?= /usr/local
RUN      ?=
MINUTES  ?= 1
SEED     ?= 1
TORN_READS ?= 0
LIVE_READS ?= 0

CC       := gcc
Q        := $(if $(V),,@)
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	    -Wpointer-arith -Wundef -Wvla -Wimplicit-fallthrough $(if $(WERROR),-Werror)
ANYWHERE := -std=gnu11 -O2 -g $(WARNINGS) -MMD -MP -Iinclude -I. $(EXTRA_FLAGS)
# -mprfchw: the allocator prefetches for writing; a CPU without the instruction treats it as a no-op.
COMMON   := $(ANYWHERE) -mprfchw

# The guest: no host headers but the compiler's own, no SSE, no red zone (a trap would overwrite it). Backtraces need
# frame pointers and no sibling calls. -ffreestanding alone would turn each memcpy of a word into a call, hence
# -fbuiltin.
GUEST_FLAGS := $(COMMON) -Iguest -Iguest/platform -ffreestanding -fbuiltin -fno-stack-protector \
	       -fno-pic -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fcf-protection=none \
	       -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls \
	       -fno-asynchronous-unwind-tables
GUEST_LINK  := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	       -Wl,-z,noexecstack -Wl,--fatal-warnings

# pahole replaces a type that it cannot describe by some other type. It prints a message but succeeds, so any output is
# an error. It does not truncate its output file, so the rules remove that file first.
PAHOLE := pahole --btf_gen_floats

# The host. Sanitizer builds use -O1, because optimisation does not remove what makes sanitizers slow, and compiling takes
# most of their time. They use -g1, because reports need line numbers only.
SANITIZERS_address := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZERS_thread  := -O1 -g1 -fsanitize=thread
SANITIZE_FLAGS     := $(SANITIZERS_$(SANITIZE))
# The command and whatever shares its objects. A sanitizer has better checks than those of _FORTIFY_SOURCE, which hide
# calls from it. Benchmarks of the library alone are built without: they compare it with loops of their own.
HARDENING      := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection \
		  $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
HARDENING_LINK := -pie -Wl,--build-id -Wl,-z,relro,-z,now,-z,noexecstack
HOST_PACKAGES := json-c libbpf libpng libseccomp libzstd ncursesw
# Only the headers: the library is loaded at run time, when it is needed.
HEADER_PACKAGES := libvirt
HOST_FLAGS = $(COMMON) -D_GNU_SOURCE -Ivmm -Ivmm/platform -Itests -pthread $(SANITIZE_FLAGS) \
	     $(HOST_PACKAGE_FLAGS)
HOST_LIBS  = $(HARDENING_LINK) -pthread -lurcu-memb -lurcu-common $(HOST_PACKAGE_LIBS)
TEST_FLAGS = $(HOST_FLAGS) $(CHECK_FLAGS)
TEST_LIBS  = $(HOST_LIBS) $(CHECK_LIBS)

# pkg-config runs only when a flag is needed, because the set-up may have to install it first. It runs once for each
# variable: the first expansion replaces the variable by its value.
ask_once   = $(eval $(1) := $(shell pkg-config $(2)))$($(1))
HOST_PACKAGE_FLAGS = $(call ask_once,HOST_PACKAGE_FLAGS,--cflags $(HOST_PACKAGES) $(HEADER_PACKAGES))
HOST_PACKAGE_LIBS  = $(call ask_once,HOST_PACKAGE_LIBS,--libs $(HOST_PACKAGES))
CHECK_FLAGS        = $(call ask_once,CHECK_FLAGS,--cflags check)
CHECK_LIBS         = $(call ask_once,CHECK_LIBS,--libs check)

guest_tables = $(BUILD)/guest/$(1).btf.o $(BUILD)/guest/$(1).symbols.o $(BUILD)/guest/$(1).symbols.S
objects = $(patsubst %,$(BUILD)/$(1)/%.o,$(basename $(2)))

GUEST_SOURCES := $(wildcard pagemeta/*.c guest/*.c guest/*/*.c)
GUEST_ASM     := $(wildcard guest/*/*.S)
BTF_KEEP_SOURCES := scripts/btf_keep.c vmm/kind/fields/btf_check.c vmm/kind/fields/type_layout.c vmm/kind/pagevisor/type_marks.c vmm/base/error.c
VMM_SOURCES   := $(filter-out vmm/platform/%,$(sort $(shell find vmm -name '*.c')))
UNIT_SOURCES  := $(wildcard tests/unit/*.c pagemeta/*.c vmm/platform/*.c) \
		 guest/mm/page_table.c guest/mm/table_frames.c guest/boot/boot_info.c guest/boot/option.c guest/boot/memory_map.c
TORN_SOURCES  := $(wildcard tests/torn/*.c) $(filter-out vmm/cli/main.c,$(VMM_SOURCES))
SCENARIO_SOURCES := $(filter-out guest/workload/fault%,$(wildcard guest/workload/*.c guest/scenario/*.c)) \
		 $(wildcard tests/scenario/*.c pagemeta/*.c) tests/bench/host.c \
		 guest/boot/boot_info.c guest/boot/option.c guest/boot/memory_map.c guest/mm/trace.c guest/mm/rcu.c \
		 vmm/platform/pagemeta_platform.c
REPLAY_SOURCES := tests/model/replay.c pagemeta/frame.c pagemeta/frame_put.c pagemeta/trace.c pagemeta/unique.c
ASK_REPLAY_SOURCES := $(addprefix tests/model/,replay_asks.c ask_actors.c ask_steps.c) \
		 pagemeta/frame_ask.c pagemeta/frame_parked.c pagemeta/managed_ranges.c vmm/manage/keeper_words.c

GUEST_OBJECTS := $(call objects,guest,$(GUEST_SOURCES) $(GUEST_ASM))
VMM_OBJECTS   := $(call objects,host,$(VMM_SOURCES))
# The unit tests have one more kind of guest, and of source: tests/unit/registry_table.c, source_table.c.
UNIT_OBJECTS  := $(call objects,unit,$(UNIT_SOURCES)) \
		 $(filter-out %/cli/main.o %/vmm/kind/registry_table.o %/vmm/source/source_table.o,$(VMM_OBJECTS))
BTF_KEEP_OBJECTS := $(call objects,host,$(BTF_KEEP_SOURCES))
TORN_OBJECTS  := $(call objects,host,$(TORN_SOURCES))
STATE_OBJECTS := $(call objects,host,$(wildcard tests/state/*.c) $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))
SCENARIO_OBJECTS := $(call objects,scenario,$(SCENARIO_SOURCES))
REPLAY_OBJECTS := $(call objects,model,$(REPLAY_SOURCES))
ASK_REPLAY_OBJECTS := $(call objects,model-asks,$(ASK_REPLAY_SOURCES))

GUEST_ELF    := $(BUILD)/pagevisor-guest.elf
PROGRAM      := $(BUILD)/pagevisor
UNIT         := $(BUILD)/unit-tests
BTF_KEEP     := $(BUILD)/btf-keep
TEST_GUESTS  := $(patsubst tests/guests/%.S,$(BUILD)/guests/%.elf,$(wildcard tests/guests/*.S))
BENCH        := $(addprefix $(BUILD)/,bench-boot bench-frames bench-growth bench-inspect bench-guest-rows bench-sources bench-claims bench-exits bench-linux linux-agent bench-guest.elf)
PROBE        := $(BUILD)/attach-probe
LINUX_TEST   := $(BUILD)/linux-oracle $(BUILD)/linux-plant $(BUILD)/linux-agent $(BUILD)/live-reads $(BUILD)/linux-mutate
TRACE_GUEST  := $(BUILD)/trace-guest.elf
MAP_GUEST    := $(BUILD)/map-guest.elf
TEST_GUESTS  += $(TRACE_GUEST) $(MAP_GUEST)
REPLAY       := $(BUILD)/model-replay
ASK_REPLAY   := $(BUILD)/model-replay-asks
TORN         := $(BUILD)/torn
STATE        := $(BUILD)/state
SCENARIOS    := $(BUILD)/scenarios
LIBVIRT_WATCH := $(BUILD)/libvirt-watch
PORTABLE_MACHINES := aarch64 riscv64
PORTABLE     := $(patsubst %,$(BUILD)/portable/%/unit-tests,$(PORTABLE_MACHINES))
# Objects of the host and the guest wait until the set-up has installed the compilers.
SETUP_BUILD  := build/setup-build
SETUP_TEST   := build/setup-test
SETUP_LINT   := build/setup-lint


# Where the other programs look.
MAN_PAGES    := $(wildcard docs/man/*.1)
MAN_DIR      := $(PREFIX)/share/man/man1
BASH_COMPLETION := $(PREFIX)/share/bash-completion/completions/pagevisor
ZSH_COMPLETION  := $(PREFIX)/share/zsh/site-functions/_pagevisor
FISH_COMPLETION := $(PREFIX)/share/fish/vendor_completions.d/pagevisor.fish

.DEFAULT_GOAL := all
.PHONY: all setup run test test-svm test-linux test-host-faults test-deb deb unit test-unit-address test-unit-thread test-sanitized soak fuzz fuzz-targets bench bench-linux-peers bench-reclaim-peers lint format install uninstall clean help

# The guest of the trace test, too: docs and README show the trace with it.
all: $(PROGRAM) $(GUEST_ELF) $(TRACE_GUEST) ## build the command and the guest

setup: $(SETUP_BUILD) ## install the packages that building and running a guest take
	@scripts/setup.sh run

run: all ## set up, build, run the main job: a guest that churns frames, watched live
	@scripts/setup.sh run
	@$(PROGRAM) run $(RUN)

test: WERROR := 1
test: $(SETUP_TEST) all $(UNIT) $(REPLAY) $(ASK_REPLAY) $(PROBE) $(TORN) $(STATE) $(LIBVIRT_WATCH) $(TEST_GUESTS) $(BENCH) $(SCENARIOS) $(PORTABLE) ## set up, build, run all tests
	@tests/run.sh $(BUILD)

test-host-faults: $(SETUP_TEST) all $(UNIT) ## faults planted in the host's side of reclaim, each of which must be found
	@tests/run.sh $(BUILD) host_faults

test-svm: $(SETUP_TEST) all $(PROBE) $(TORN) $(STATE) $(TEST_GUESTS) ## the tests on KVM inside an emulated machine with SVM
	@tests/run.sh $(BUILD) svm

test-linux: $(SETUP_TEST) all $(LINUX_TEST) ## Debian's kernels in QEMU's TCG, whose pages must be what they say they are, and their resets
	@tests/run.sh $(BUILD) linux linux_life linux_check

test-deb: all ## the Debian package, in a system of its own
	@scripts/setup.sh deb
	@tests/run.sh $(BUILD) deb

unit: $(UNIT) ## the unit tests alone; FILTER=name picks suites
	@$(UNIT) $(FILTER)

# Suites with threads, or with data that is read while it changes.
THREADED_SUITES := threads contention deferred frame slot_reader guest_memory attach attach_sockets server_pause pauser pause litmus segment snapshot life reclaim ledger claim_history keeper manager

# Parts that run the command, its guests, and what attaches to them.
SANITIZED_PARTS := accel attach sockets pauses find_map watch trace mem mem_hostile top check capture negative hostile signals bad_input qemu stress \
		   qemu_source life_cycles libvirt libvirt_life

# In one process: with a process for each test, the leak checks would take longer than all of the tests. This leaves out
# tests that must abort.
test-unit-address: $(SETUP_TEST) ## the unit tests under AddressSanitizer and UBSan
	@CK_FORK=no $(MAKE) --no-print-directory SANITIZE=address unit

test-unit-thread: $(SETUP_TEST) ## the threaded unit tests under ThreadSanitizer
	@$(MAKE) --no-print-directory SANITIZE=thread unit FILTER="$(THREADED_SUITES)"

test-sanitized: $(SETUP_TEST) all $(TEST_GUESTS) ## the threaded unit tests, and the command's tests, built with the sanitizers
	@SANITIZED_PARTS="$(SANITIZED_PARTS)" tests/run.sh $(BUILD) unit_thread sanitized

soak: $(SETUP_TEST) all $(UNIT) $(TORN) $(PROBE) $(BUILD)/live-reads $(BUILD)/linux-agent ## long tests in turns, for MINUTES=N; stops at the first failure
	@$(MAKE) --silent --no-print-directory SANITIZE=address build/address/unit-tests build/address/scenarios
	@$(MAKE) --silent --no-print-directory SANITIZE=thread build/thread/unit-tests build/thread/scenarios
	@MINUTES=$(MINUTES) SEED=$(SEED) TORN_READS=$(TORN_READS) LIVE_READS=$(LIVE_READS) tests/soak.sh $(BUILD)

bench: all $(BENCH) $(SCENARIOS) ## figures: boot time, memory overhead, scan rate, cost of frame operations
	@tests/bench/all.sh $(BUILD)

bench-linux-peers: all $(SETUP_TEST) $(BUILD)/linux-agent ## where a Linux guest's memory is, beside dump-guest-memory and crash
	@tests/bench/peers/linux.sh $(BUILD)

bench-reclaim-peers: all $(SETUP_TEST) ## 1 GiB taken from a guest and returned, beside balloon and virtio-mem
	@tests/bench/peers/peers.sh $(BUILD)

# The host's sources except for the command line, built by clang.
FUZZ_SHARED  := tests/fuzz/fuzz_guest.c tests/fuzz/fuzz_check.c
FUZZ_SOURCES := $(FUZZ_SHARED) $(addprefix tests/unit/crafted_,guest.c linux.c kallsyms.c kernel.c) $(filter-out vmm/cli/% vmm/view/top/%,$(VMM_SOURCES))
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(FUZZ_SOURCES))
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(filter-out $(FUZZ_SHARED),$(wildcard tests/fuzz/*.c)))
FUZZ_FLAGS   := -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

fuzz: $(SETUP_TEST) ## fuzz the readers of hostile bytes; FUZZ_SECONDS=60 for each
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) tests/fuzz.sh build

fuzz-targets: $(FUZZ_TARGETS)

lint: $(SETUP_LINT) $(SETUP_BUILD) ## check format, include directions, headers alone, scripts
	@tests/lint.sh

format: $(SETUP_LINT) ## reformat all sources
	@git ls-files '*.[ch]' | xargs clang-format -i

install: all ## install the command, its guest, manual pages and completion under PREFIX (DESTDIR)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/pagevisor
	install -D -m 644 $(GUEST_ELF) $(DESTDIR)$(PREFIX)/lib/pagevisor/pagevisor-guest.elf
	install -d $(DESTDIR)$(MAN_DIR)
	install -m 644 $(MAN_PAGES) $(DESTDIR)$(MAN_DIR)
	install -D -m 644 docs/completion/pagevisor.bash $(DESTDIR)$(BASH_COMPLETION)
	install -D -m 644 docs/completion/pagevisor.zsh $(DESTDIR)$(ZSH_COMPLETION)
	install -D -m 644 docs/completion/pagevisor.fish $(DESTDIR)$(FISH_COMPLETION)
	install -D -m 644 docs/pagevisor.schema.json $(DESTDIR)$(PREFIX)/share/doc/pagevisor/pagevisor.schema.json

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/pagevisor
	rm -f $(DESTDIR)$(PREFIX)/lib/pagevisor/pagevisor-guest.elf
	rm -f $(addprefix $(DESTDIR)$(MAN_DIR)/,$(notdir $(MAN_PAGES)))
	rm -f $(addprefix $(DESTDIR),$(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))
	rm -f $(DESTDIR)$(PREFIX)/share/doc/pagevisor/pagevisor.schema.json
	-rmdir $(DESTDIR)$(PREFIX)/lib/pagevisor $(DESTDIR)$(PREFIX)/share/doc/pagevisor

deb: ## a Debian package, in build/deb
	@scripts/setup.sh deb
	@scripts/deb.sh

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 34

build/setup-%: scripts/setup.sh
	@mkdir -p build
	@scripts/setup.sh $*
	@touch $@

# An image is linked twice. The bare link serves to make BTF from its debug information and a table of its functions.
# The second link adds the part of the BTF that its metadata types need, and the table. BTF has no addresses, and
# functions lie before both additions, so they do not move; CHECK_SYMBOLS verifies that.
LINK_GUEST = $(Q)$(CC) $(GUEST_LINK) -T $(BUILD)/guest/kernel.ld $(filter %.o,$^) -o $@
CHECK_SYMBOLS = $(Q)scripts/symbol_table.sh $@ | cmp - $(filter %.symbols.S,$^) || \
	{ rm -f $@; echo "$@: its functions moved" >&2; exit 1; }

$(GUEST_ELF): $(GUEST_OBJECTS) $(call guest_tables,pagevisor-guest) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)
	$(CHECK_SYMBOLS)

$(BUILD)/guest/pagevisor-guest.bare: $(GUEST_OBJECTS) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)

# The names of the metadata types, from the image's symbols.
meta_types_of = $$(nm $(1) | sed -n 's/.* R meta_type_//p')

.SECONDARY:
%.btf: %.bare $(BTF_KEEP)
	@echo "  BTF     $@"
	$(Q)rm -f $@.all
	$(Q)$(PAHOLE) --btf_encode_detached=$@.all $< 2>$@.log && [ ! -s $@.log ] || { cat $@.log >&2; \
		echo "$<: pahole cannot describe a type of the guest, such as an _Atomic one" >&2; exit 1; }
	$(Q)$(BTF_KEEP) $@.all $@ $(call meta_types_of,$<)

%.btf.o: %.btf guest/btf.S
	$(Q)$(CC) -c -DBTF_FILE='"$<"' guest/btf.S -o $@

%.symbols.S: %.bare scripts/symbol_table.sh
	@echo "  GEN     $@"
	$(Q)scripts/symbol_table.sh $< >$@ || { rm -f $@; exit 1; }

%.symbols.o: %.symbols.S
	$(Q)$(CC) -c $< -o $@

$(BTF_KEEP): $(BTF_KEEP_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(BTF_KEEP_OBJECTS) -o $@ $(HOST_LIBS)

$(BUILD)/guest/kernel.ld: guest/kernel.ld | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	$(Q)$(CC) -E -P -x assembler-with-cpp -MMD -MP -MT $@ -MF $@.d -Iinclude -Iguest $< -o $@

# With builtins, the compiler would turn the loop of strlen into a call of strlen.
$(BUILD)/guest/guest/lib/string.o: GUEST_FLAGS += -fno-builtin

$(BUILD)/guest/%.o: %.c | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(GUEST_FLAGS) -c $< -o $@

$(BUILD)/guest/%.o: %.S | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(GUEST_FLAGS) -c $< -o $@

$(PROGRAM): $(VMM_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(VMM_OBJECTS) -o $@ $(HOST_LIBS)

$(BUILD)/host/%.o: %.c | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(HOST_FLAGS) $(HARDENING) -c $< -o $@

# Metadata types with members of every kind; structs of Linux kernels.
BTF_SAMPLES := sample $(patsubst tests/btf/%.c,%,$(wildcard tests/btf/linux_*.c))

$(UNIT): $(UNIT_OBJECTS) $(BTF_SAMPLES:%=$(BUILD)/unit/%.btf.o)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $^ -o $@ $(TEST_LIBS)

# As pahole makes it, which complains about one of sample's types.
$(BTF_SAMPLES:%=$(BUILD)/unit/%.o): $(BUILD)/unit/%.o: tests/btf/%.c | $(SETUP_TEST)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(COMMON) -Itests -c $< -o $@

$(BUILD)/unit/%.btf.o: $(BUILD)/unit/%.o tests/btf/blob.S
	@echo "  BTF     $@"
	$(Q)rm -f $(basename $@)
	$(Q)$(PAHOLE) --btf_encode_detached=$(basename $@) $< 2>$@.log || { cat $@.log; exit 1; }
	$(Q)$(CC) -c -DBTF_NAME=$* -DBTF_FILE='"$(basename $@)"' tests/btf/blob.S -o $@

# Guest sources that are tested on the host use their own headers, but the host's platform.
$(BUILD)/unit/guest/%.o: TEST_FLAGS += -Iguest
$(BUILD)/unit/tests/unit/test_guest_rcu.o: TEST_FLAGS += -Iguest

$(BUILD)/unit/%.o: %.c | $(SETUP_TEST)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(TEST_FLAGS) -c $< -o $@

# Restored machines in one process: the command's own objects, with another main.
$(STATE): $(STATE_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(STATE_OBJECTS) -o $@ $(HOST_LIBS)

# The torn-read test: the command's own objects, with another main.
$(TORN): $(TORN_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(TORN_OBJECTS) -o $@ $(HOST_LIBS)

# The guest's workloads, run by threads of the host: their sources use their own headers, but the host's platform. Their
# grace periods are the guest's: its header comes first and takes the place of the host's.
$(SCENARIOS): $(SCENARIO_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(SCENARIO_OBJECTS) -o $@ $(HOST_LIBS)

$(BUILD)/scenario/%.o: %.c | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(HOST_FLAGS) -Iguest -include guest/platform/pagemeta_rcu.h -c $< -o $@

# The library's code, with every atomic access as one step; see tests/model/README.md.
$(REPLAY): $(REPLAY_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(REPLAY_OBJECTS) -o $@

$(BUILD)/model/%.o: %.c tests/model/steps.h | $(SETUP_TEST)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(HOST_FLAGS) -include tests/model/steps.h -c $< -o $@

# The same for the code of asks, on both sides.
$(ASK_REPLAY): $(ASK_REPLAY_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ASK_REPLAY_OBJECTS) -o $@

$(BUILD)/model-asks/%.o: %.c tests/model/ask_steps.h | $(SETUP_TEST)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(HOST_FLAGS) -include tests/model/ask_steps.h -c $< -o $@

# Inspectors and VMs that misbehave; see tests/attach/README.md.
PROBE_OBJECTS := $(call objects,host,$(wildcard tests/attach/*.c) $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(PROBE): $(PROBE_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(PROBE_OBJECTS) -o $@ $(HOST_LIBS)

# Reads libvirt's list of domains; see tests/libvirt.sh.
LIBVIRT_WATCH_OBJECTS := $(call objects,host,tests/libvirt/watch.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(LIBVIRT_WATCH): $(LIBVIRT_WATCH_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(LIBVIRT_WATCH_OBJECTS) -o $@ $(HOST_LIBS)

# The library on other machines: see tests/portable/README.md. Its suites are those that tests/unit/suites.h lists before
# the VMM's, but for those of the trace, whose hooks are x86 code, and of deferred puts, which run over liburcu. With them
# come the files of tests/unit that include nothing of the VMM. Linked statically, for qemu-user.
PORTABLE_SUITES  := $(filter-out deferred_%,$(shell sed -n '/ pagemeta/,/ vmm/ s/^Suite \*\(.*\)_suite.*/\1/p' \
		      tests/unit/suites.h))
PORTABLE_NOT     := $(basename $(shell grep -lP \
		      '^.include "(?!unit/|pagemeta/|guest/|kind/pagevisor/slot_reader.h)[a-z]+/' tests/unit/*.[ch]))
PORTABLE_SOURCES := $(filter-out %/trace.c %/static_branch.c %/deferred_put.c,$(wildcard pagemeta/*.c)) \
		    vmm/platform/pagemeta_platform.c guest/mm/table_frames.c $(wildcard guest/boot/memory_map.c) \
		    $(patsubst %,tests/unit/test_%.c,$(PORTABLE_SUITES)) \
		    $(filter-out tests/unit/test_%.c tests/unit/main.c $(addsuffix .c,$(PORTABLE_NOT)), \
		      $(wildcard tests/unit/*.c)) tests/portable/main.c tests/portable/check.c
PORTABLE_FLAGS = $(ANYWHERE) -Werror -D_GNU_SOURCE -Itests/portable -I$(BUILD)/portable -Ivmm -Ivmm/platform -Iguest -Itests -pthread

$(BUILD)/portable/suites.inc: tests/unit/suites.h
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	$(Q)printf 'SUITE(%s)\n' $(PORTABLE_SUITES) >$@

define portable_rules
$(BUILD)/portable/$(1)/unit-tests: $(call objects,portable/$(1),$(PORTABLE_SOURCES))
	@echo "  LINK    $$@"
	$$(Q)$(1)-linux-gnu-gcc -static -pthread $$^ -o $$@

$(BUILD)/portable/$(1)/%.o: %.c $(BUILD)/portable/suites.inc | $(SETUP_TEST)
	@mkdir -p $$(@D)
	@echo "  CC      $$@"
	$$(Q)$(1)-linux-gnu-gcc $$(PORTABLE_FLAGS) -c $$< -o $$@
endef
$(foreach machine,$(PORTABLE_MACHINES),$(eval $(call portable_rules,$(machine))))

# The tests themselves at -O1: they compile in half the time. There gcc warns of null pointers that the allocator could
# return.
$(foreach machine,$(PORTABLE_MACHINES),$(BUILD)/portable/$(machine)/tests/%.o): PORTABLE_FLAGS += -O1 -Wno-stringop-overflow

# Guests that misbehave, one file each; see tests/guests/README.md.
$(BUILD)/guests/%.elf: tests/guests/%.S tests/guests/guest.ld | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(GUEST_FLAGS) -MF $@.d $(GUEST_LINK) -T tests/guests/guest.ld $< -o $@

build/fuzz/%.o: %.c | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CLANG   $@"
	$(Q)clang $(HOST_FLAGS) $(FUZZ_FLAGS) -c $< -o $@

$(FUZZ_TARGETS): build/fuzz/%: build/fuzz/tests/fuzz/%.o $(FUZZ_OBJECTS)
	@echo "  LINK    $@"
	$(Q)clang $(FUZZ_FLAGS) $^ -o $@ $(HOST_LIBS)

# The benchmarks are built without sanitizers. They have few sources, so one command builds each.
$(BUILD)/bench-boot: tests/bench/boot.c | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(HOST_FLAGS) -MF $@.d $< -o $@ $(HOST_LIBS)

# bench-sources reads guests as the command does: the command's own objects, with another main.
BENCH_SOURCES_OBJECTS := $(call objects,host,tests/bench/sources.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/bench-sources: $(BENCH_SOURCES_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(BENCH_SOURCES_OBJECTS) -o $@ $(HOST_LIBS)

# Compares what a Linux kernel says of its pages with what is read of them; and the first process of that kernel's machine.
LINUX_ORACLE_OBJECTS := $(call objects,host,$(addprefix tests/linux/,oracle.c asked.c compare.c free_blocks.c kernel_pages.c left.c mappers.c oddities.c owners.c \
				 page_blocks.c) \
				 $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))
LINUX_AGENT_SOURCES := $(addprefix tests/linux/,agent.c churn.c fill.c grow.c leave.c) tests/svm/modules.c

$(BUILD)/linux-oracle: $(LINUX_ORACLE_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINUX_ORACLE_OBJECTS) -o $@ $(HOST_LIBS)

# Reads the pages of one that runs.
LIVE_READS_OBJECTS := $(call objects,host,tests/linux/live_reads.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/live-reads: $(LIVE_READS_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LIVE_READS_OBJECTS) -o $@ $(HOST_LIBS)

# Breaks many values of a copy.
LINUX_MUTATE_OBJECTS := $(call objects,host,tests/linux/mutate.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/linux-mutate: $(LINUX_MUTATE_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE_FLAGS) $(LINUX_MUTATE_OBJECTS) -o $@ $(HOST_LIBS)

# Breaks a value of a stopped guest's memory.
LINUX_PLANT_OBJECTS := $(call objects,host,tests/linux/plant.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/linux-plant: $(LINUX_PLANT_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINUX_PLANT_OBJECTS) -o $@ $(HOST_LIBS)

# Static: there are no libraries in the initramfs.
$(BUILD)/linux-agent: $(LINUX_AGENT_SOURCES) tests/linux/agent.h tests/linux/pages.h tests/svm/modules.h | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARNINGS) -static -pthread -Itests $(LINUX_AGENT_SOURCES) -o $@

BENCH_SHARED := tests/bench/host.c tests/bench/host.h vmm/platform/pagemeta_platform.c vmm/platform/pagemeta_rcu.c \
		$(wildcard pagemeta/*.[ch])

$(BUILD)/bench-frames: $(addprefix tests/bench/,frames_host.c frame_rows.c two_cpu_rows.c frame_rows.h)
$(BUILD)/bench-frames: $(addprefix tests/bench/,trace_rows.c untraced_loops.c trace_rows.h hook_loops.h keeper_rows.c keeper_rows.h)
$(BUILD)/bench-growth: tests/bench/growth.c
$(BUILD)/bench-frames $(BUILD)/bench-growth: $(BENCH_SHARED) | $(SETUP_BUILD)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(filter-out -MMD -MP,$(HOST_FLAGS)) $(filter %.c,$^) -o $@ $(HOST_LIBS)

# Over crafted arrays, with the command's own objects.
BENCH_INSPECT_OBJECTS := $(call objects,host,tests/bench/inspect.c tests/bench/inspect_array.c \
				  $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/bench-inspect: $(BENCH_INSPECT_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(BENCH_INSPECT_OBJECTS) -o $@ $(HOST_LIBS)

# The benchmark of inspections of a running guest.
BENCH_GUEST_ROWS_OBJECTS := $(call objects,host,tests/bench/guest.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/bench-guest-rows: $(BENCH_GUEST_ROWS_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(BENCH_GUEST_ROWS_OBJECTS) -o $@ $(HOST_LIBS)

# The benchmarks of reclaim, which see the system calls of the command's own objects.
BENCH_CLAIMS_OBJECTS := $(call objects,host,tests/bench/claims.c tests/bench/claims_guest.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))
BENCH_EXITS_OBJECTS  := $(call objects,host,tests/bench/exits.c tests/bench/exits_counts.c $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/bench-claims: $(BENCH_CLAIMS_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(BENCH_CLAIMS_OBJECTS) -Wl,--wrap=fallocate -o $@ $(HOST_LIBS)

$(BUILD)/bench-exits: $(BENCH_EXITS_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(BENCH_EXITS_OBJECTS) -Wl,--wrap=ioctl -o $@ $(HOST_LIBS)

# The rows of Linux guests, which see what is copied.
BENCH_LINUX_OBJECTS := $(call objects,host,$(addprefix tests/bench/,linux_rows.c linux_noticed.c) $(filter-out vmm/cli/main.c,$(VMM_SOURCES)))

$(BUILD)/bench-linux: $(BENCH_LINUX_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(BENCH_LINUX_OBJECTS) -Wl,--wrap=process_vm_readv -o $@ $(HOST_LIBS)

# The same rows inside a guest: our kernel with one more workload, which also times the kernel's call of meta_init.
BENCH_GUEST_OBJECTS := $(call objects,guest,$(addprefix tests/bench/,frames_guest.c frame_rows.c two_cpu_rows.c))

# The guest of the trace test: our kernel with one more workload.
TRACE_GUEST_OBJECTS := $(call objects,guest,$(wildcard tests/trace/*.c))

$(TRACE_GUEST): $(GUEST_OBJECTS) $(TRACE_GUEST_OBJECTS) $(call guest_tables,trace-guest) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)
	$(CHECK_SYMBOLS)

$(BUILD)/guest/trace-guest.bare: $(GUEST_OBJECTS) $(TRACE_GUEST_OBJECTS) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)

# The guest of the test of memory maps: our kernel, which reads another map than the loader's.
MAP_GUEST_OBJECTS := $(call objects,guest,$(wildcard tests/map/*.c))

$(MAP_GUEST) $(BUILD)/guest/map-guest.bare: GUEST_LINK += -Wl,--wrap=boot_info_read -Wl,--wrap=meta_init

$(MAP_GUEST): $(GUEST_OBJECTS) $(MAP_GUEST_OBJECTS) $(call guest_tables,map-guest) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)
	$(CHECK_SYMBOLS)

$(BUILD)/guest/map-guest.bare: $(GUEST_OBJECTS) $(MAP_GUEST_OBJECTS) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)

$(BUILD)/bench-guest.elf $(BUILD)/guest/bench-guest.bare: GUEST_LINK += -Wl,--wrap=meta_init

$(BUILD)/bench-guest.elf: $(GUEST_OBJECTS) $(BENCH_GUEST_OBJECTS) $(call guest_tables,bench-guest) \
			  $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)
	$(CHECK_SYMBOLS)

$(BUILD)/guest/bench-guest.bare: $(GUEST_OBJECTS) $(BENCH_GUEST_OBJECTS) $(BUILD)/guest/kernel.ld
	@echo "  LINK    $@"
	$(LINK_GUEST)

-include $(shell find build -name '*.d' 2>/dev/null)

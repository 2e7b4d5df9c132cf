/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands, in the order of the help. Each is a line here and command_NAME in a file of its own, cli/NAME.c. */
#ifndef VMM_COMMANDS_H
#define VMM_COMMANDS_H

/* The tasks by which the help groups the commands, in its order. */
enum command_group {
	GROUP_RUN,
	GROUP_LIST,
	GROUP_LOOK,
	GROUP_FOLLOW,
	GROUP_CHECK,
	GROUP_KEEP,
	GROUP_HELP,
	GROUP_COUNT
};

/* X(name, group, summary for the help); those of a group stand together */
#define COMMANDS(X)                                                                                \
	X(run, RUN, "boot a guest on KVM or in QEMU, watch its page metadata, report")             \
	X(stress, RUN, "stress a guest's page metadata, plant faults, find what is broken")        \
	X(restore, RUN, "go on with a VM from a file that save has written")                       \
	X(resume, RUN, "let a VM go that restore has started paused")                              \
	X(stop, RUN, "end a running VM in good order")                                             \
	X(mem, RUN, "show and change how much memory a running VM has")                            \
	X(domxml, RUN, "print a libvirt domain definition for a guest")                            \
	X(ps, LIST, "list the running VMs")                                                        \
	X(stat, LOOK, "count frames by state and type, once or again and again")                   \
	X(find, LOOK, "list the frames matching an expression")                                    \
	X(map, LOOK, "draw a guest's memory")                                                      \
	X(show, LOOK, "show what a guest keeps about one frame")                                   \
	X(types, LOOK, "list a guest's metadata types and their fields")                           \
	X(top, FOLLOW, "follow a guest on the whole screen")                                       \
	X(watch, FOLLOW, "report each change of a frame as it happens")                            \
	X(trace, FOLLOW, "list recent operations on frames, with their callers")                   \
	X(check, CHECK, "find what is broken in a guest's page metadata")                          \
	X(capture, KEEP, "write a guest's page metadata as of one instant to a file")              \
	X(save, KEEP, "write a whole VM as of one instant to a file, and end it")                  \
	X(diff, KEEP, "show how frames changed between two captures")                              \
	X(dump, KEEP, "write a guest as of one instant to an ELF core, for debuggers")             \
	X(help, HELP, "list the commands, or explain one")                                         \
	X(version, HELP, "print the version, and what this build consists of")

/* Parses its own arguments, after argv[0], which is printed in messages. Returns the exit status. */
#define COMMAND_DECLARE(name, group, summary) int command_##name(int argc, char **argv);
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif

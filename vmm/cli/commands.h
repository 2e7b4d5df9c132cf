/* SPDX-License-Identifier: MPL-2.0 */
/* The subcommands, in the order of the help. Each is a line here and command_NAME in a file of its own, cli/NAME.c. */
#ifndef VMM_COMMANDS_H
#define VMM_COMMANDS_H

/* X(name, summary for the help) */
#define COMMANDS(X)                                                                                \
	X(run, "boot a guest on KVM or in QEMU, watch its page metadata, report")                  \
	X(stress, "stress a guest's page metadata, plant faults, find what is broken")             \
	X(ps, "list the running VMs")                                                              \
	X(stat, "look once at a running guest's page metadata")                                    \
	X(find, "list the frames matching an expression")                                          \
	X(map, "draw a running guest's memory")                                                    \
	X(top, "show a running guest on the whole screen, with keys")                              \
	X(check, "find what is broken in a guest's page metadata")                                 \
	X(capture, "write a guest's page metadata as of one instant to a file")                    \
	X(diff, "show how frames changed between two captures")                                    \
	X(domxml, "print a libvirt domain definition for a guest")                                 \
	X(types, "list a running guest's metadata types and their fields")                         \
	X(show, "show what a running guest keeps about one frame")                                 \
	X(trace, "list recent operations on a guest's frames, with their callers")                 \
	X(watch, "report each change of a frame as it happens")

/* Parses its own arguments, after argv[0], which is printed in messages. Returns the exit status. */
#define COMMAND_DECLARE(name, summary) int command_##name(int argc, char **argv);
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif

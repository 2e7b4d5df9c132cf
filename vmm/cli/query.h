/* SPDX-License-Identifier: MPL-2.0 */
/* An expression over frames that a user gave, compiled against the guest of a session: what `find` searches for. */
#ifndef VMM_QUERY_H
#define VMM_QUERY_H

#include "cli/session.h"
#include "inspect/find/expression.h"
#include "kind/fields/type_catalog.h"

/* What --help says about expressions. */
#define QUERY_HELP                                                                                  \
	"Operators have the meaning and precedence of C: || && & == != < <= > >= + - and the "      \
	"unary ! and -; a comparison beside & needs parentheses. Numbers may end in K, M or G. "    \
	"Names are\n\n"                                                                             \
	"  type            == or != the name of a type, or wild: none of the guest's\n"             \
	"  state           == or != unused, busy, shared, unique, host, illegal, broken\n"          \
	"  broken          1 for a frame in a broken state or of no type, else 0\n"                 \
	"  free            1 for a frame that the guest can give out, else 0\n"                     \
	"  resident        1 for a frame that the host keeps memory for, else 0\n"                  \
	"  ref refs        references, which may be written out, too\n"                             \
	"  generation gen  how often the slot changed owner\n"                                      \
	"  pfn addr        number and address of the frame\n"                                       \
	"  meta.FIELD      a field of the type's metadata\n\n"                                      \
	"Of Linux guests alone, where the state is free, pcp, transit, used, reserved, offline or " \
	"broken:\n\n"                                                                               \
	"  flags.NAME      1 for a flag that /proc/kpageflags has: flags.lru\n"                     \
	"  order           of the free block or compound page that the frame is part of\n"          \
	"  head tail       1 for the first, for any other frame of a compound page\n"               \
	"  maps            how often it is mapped, as /proc/kpagecount has it\n"                    \
	"  zone            number or name of its zone: zone == Normal\n"                            \
	"  node            number of its node\n"                                                    \
	"  file            == or != a name as stat --by file has it: file == \"/tmp/*\"\n"          \
	"  cache           likewise, of slabs: cache == \"dentry\"\n"                               \
	"  task            == or != a name or pid of processes that map it: task == 309\n\n"        \
	"pagevisor types lists all types with their fields. "                                       \
	"A frame that is not in use has no type, and a type may lack a field: any comparison "      \
	"with these is false, even !=."

struct query {
	struct type_catalog *catalog;
	struct field_lookup *fields;
	struct expression expression;
};

/* Returns STATUS_OK, or another status after one line on standard error. Call query_free in either case. */
int query_compile(struct query *query, const struct session *session, const char *text);

/* Accepts a query of zeroes. */
void query_free(struct query *query);

#endif

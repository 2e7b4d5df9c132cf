/* SPDX-License-Identifier: MPL-2.0 */
/* Mistakes that the debug build names, one for each run: see pagemeta/debug.h. Usage: mistakes get|put */
#include <string.h>

#include "pagemeta/frame_put.h"
#include "port.h"

int main(int argc, char **argv)
{
	need(argc == 2, "no mistake is named");
	port_init();
	if (strcmp(argv[1], "get") == 0)
		(void)frame_get(FRAME_NONE);
	else
		(void)frame_put(FRAME_NONE);
	return 0;
}

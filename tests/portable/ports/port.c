/* SPDX-License-Identifier: MPL-2.0 */
/* The shared part of the ports: see port.h. */
#include "port.h"

#include <stdio.h>
#include <stdlib.h>

#include <pagemeta_platform.h>

#include "pagemeta/meta_check.h"

struct meta_array port_array;

void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", what);
	exit(EXIT_FAILURE);
}

void port_init(void)
{
	static struct region_list list;
	static struct early_allocator early;

	need(region_list_add(&list, 0, PAGE_SIZE, REGION_RESERVED) &&
		     region_list_add(&list, PAGE_SIZE, MINI_MEMORY_SIZE - PAGE_SIZE, REGION_USABLE),
	     "no room for a region");
	need(meta_init(&list, &early, &port_array) == META_OK, "no metadata");
}

void port_check(void)
{
	struct meta_fault fault = {0};

	need(meta_check(&port_array, &fault) == 0, "a slot is wrong");
}

/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a guest's memory is in huge pages: see huge_pages.h. */
#include "manage/huge_pages.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define SHMEM_FILE "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

bool huge_pages_chosen(const char *text, bool somebody_asks)
{
	return strstr(text, "[always]") || strstr(text, "[within_size]") ||
	       strstr(text, "[force]") || (somebody_asks && strstr(text, "[advise]"));
}

bool huge_pages_are_in_force(bool somebody_asks)
{
	char text[128];
	int fd = open(SHMEM_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	fd_read_text(fd, text, sizeof(text));
	close(fd);
	return huge_pages_chosen(text, somebody_asks);
}

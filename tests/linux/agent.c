/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The first process of a Linux guest that a test looks at from outside: fills the memory with pages of many kinds, then leaves what
 * the kernel itself says of each page in marked pages of its memory (pages.h), says "agent: ready" on the serial console, and stops
 * the machine. With agent=run on the command line it stays quiet instead; with agent=churn it keeps memory changing; with
 * agent=idle it fills nothing, is ready at once, and says how much is free after a line; with agent=kexec likewise, but a line on the
 * console has it boot /kexec's kernel in place of this one, whose wall clock is long past (agent=past); with agent=grow a line has it
 * grow, with agent=steps one has it say how much it has done (agent.h).
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/reboot.h>

#include "svm/modules.h"

#define NEXT_LINE "console=ttyS0 panic=-1 agent=idle agent=past"
#define PAST      1000000000 /* in 2001 */

void complain(const char *what)
{
	printf("agent: %s: %s\n", what, strerror(errno));
}

bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool is_put = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return is_put;
}

/* The number that follows a name in a text file; 0 if there is none. */
long number_after(const char *path, const char *name)
{
	static char text[1 << 16];
	size_t used = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && used < sizeof(text) - 1 &&
	       (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	if (fd >= 0)
		close(fd);
	char *at = strstr(text, name);

	return at == NULL ? 0 : strtol(at + strlen(name), NULL, 10);
}

static void mount_at(const char *place, const char *type, const char *options)
{
	mkdir(place, 0755);
	if (mount(type, place, type, 0, options) < 0)
		complain(place);
}

static bool is_asked(const char *word)
{
	char line[4096] = "";
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		ssize_t got = read(fd, line, sizeof(line) - 1);

		line[got > 0 ? got : 0] = '\0';
		close(fd);
	}
	return strstr(line, word) != NULL;
}

/* Loads the kernel and what it boots with, and leaves this one behind. */
static void kexec(void)
{
	int kernel = open("/kexec/vmlinuz", O_RDONLY | O_CLOEXEC);
	int initramfs = open("/kexec/initramfs.cpio", O_RDONLY | O_CLOEXEC);

	if (syscall(SYS_kexec_file_load, kernel, initramfs, sizeof(NEXT_LINE), NEXT_LINE, 0) < 0)
		complain("kexec_file_load");
	else if (syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			 LINUX_REBOOT_CMD_KEXEC, NULL) < 0)
		complain("kexec");
}

static void stay_idle(bool can_kexec, bool is_past)
{
	const struct timespec past = {.tv_sec = PAST};

	if (is_past && clock_settime(CLOCK_REALTIME, &past) < 0)
		complain("clock_settime");
	printf("agent: ready\n");
	while (getchar() != EOF) {
		if (can_kexec)
			kexec();
		printf("agent: MemFree %ld kB, Cached %ld kB\n",
		       number_after("/proc/meminfo", "MemFree:"),
		       number_after("/proc/meminfo", "\nCached:"));
	}
	for (;;)
		pause();
}

int main(void)
{
	static struct filled filled;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("agent: started\n");
	mount_at("/proc", "proc", NULL);
	if (is_asked("agent=idle") || is_asked("agent=kexec"))
		stay_idle(is_asked("agent=kexec"), is_asked("agent=past"));
	if (is_asked("agent=grow")) {
		wait_and_grow();
		for (;;)
			pause();
	}
	if (is_asked("agent=steps"))
		count_steps();
	mount_at("/sys", "sysfs", NULL);
	mount_at("/dev", "devtmpfs", NULL);
	mount_at("/tmp", "tmpfs", NULL);
	mount_at("/huge", "tmpfs", "huge=always");
	mount_at("/debug", "debugfs", NULL);
	load_modules("agent");
	fill_memory(&filled);
	if (is_asked("agent=churn"))
		churn();
	leave_pages(&filled, !is_asked("agent=run"));
}

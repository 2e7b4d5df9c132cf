/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The first process of the machine with SVM. It loads modules, puts a layer of RAM over the host's files, runs a script
 * there, prints the script's exit status on the console, and turns the machine off.
 *
 * Everything that it needs before the host's files are mounted is in the initramfs: itself, /modules/ and /script.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modules.h"

/* Markers that run.sh looks for. */
#define MARK_STARTED "svm: started"
#define MARK_STATUS  "svm: status %d"

/* The status if the script did not run: the one with which a shell reports that it cannot run a command. */
#define STATUS_NO_SCRIPT 126

static void turn_off(void)
{
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
}

static void give_up(const char *what)
{
	printf("svm: %s: %s\n", what, strerror(errno));
	printf(MARK_STATUS "\n", STATUS_NO_SCRIPT);
	turn_off();
	exit(EXIT_FAILURE);
}

static void mount_at(const char *source, const char *place, const char *type, unsigned long flags,
		     const char *options)
{
	mkdir(place, 0755);
	if (mount(source, place, type, flags, options) < 0)
		give_up(place);
}

static void symlink_at(const char *target, const char *place)
{
	if (symlink(target, place) < 0)
		give_up(place);
}

/* Mounts the host's files read-only under a layer in RAM, which vanishes with the machine, and makes this the root. */
static void enter_host_files(void)
{
	mount_at("host", "/host", "9p", MS_RDONLY,
		 "trans=virtio,version=9p2000.L,cache=loose,msize=262144");
	mount_at("layer", "/layer", "tmpfs", 0, "size=75%");
	mkdir("/layer/files", 0755);
	mkdir("/layer/work", 0755);
	mount_at("root", "/root", "overlay", 0,
		 "lowerdir=/host,upperdir=/layer/files,workdir=/layer/work");
	mount_at("proc", "/root/proc", "proc", 0, NULL);
	mount_at("sys", "/root/sys", "sysfs", 0, NULL);
	mount_at("dev", "/root/dev", "devtmpfs", 0, NULL);
	mount_at("pts", "/root/dev/pts", "devpts", 0, NULL);
	mount_at("shm", "/root/dev/shm", "tmpfs", 0, NULL);
	mount_at("run", "/root/run", "tmpfs", 0, "mode=0755");
	symlink_at("/proc/self/fd", "/root/dev/fd");
	symlink_at("/proc/self/fd/0", "/root/dev/stdin");
	symlink_at("/proc/self/fd/1", "/root/dev/stdout");
	symlink_at("/proc/self/fd/2", "/root/dev/stderr");
	if (chroot("/root") < 0 || chdir("/") < 0)
		give_up("/root");
}

/* Passes the script to bash by a descriptor, not as its standard input, so that commands have an empty stdin. */
static int run_script(int script)
{
	char path[sizeof("/proc/self/fd/") + 12];
	int status;
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(STDOUT_FILENO, STDERR_FILENO);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", script);
		execl("/bin/bash", "bash", path, (char *)NULL);
		_exit(STATUS_NO_SCRIPT);
	}
	/* Any other child that ends is an orphan. */
	while (wait(&status) != pid)
		if (errno == ECHILD)
			return STATUS_NO_SCRIPT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	setlinebuf(stdout);
	int script = open("/script", O_RDONLY);

	if (script < 0)
		give_up("/script");
	load_modules("svm");
	enter_host_files();
	printf(MARK_STARTED "\n");
	int status = run_script(script);

	printf(MARK_STATUS "\n", status);
	turn_off();
	return EXIT_FAILURE;
}

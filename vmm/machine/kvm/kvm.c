/* SPDX-License-Identifier: MPL-2.0 */
/* /dev/kvm: see kvm.h. */
#include "machine/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KVM_DEVICE "/dev/kvm"

/* A caller that is interrupted more often than this gets the error. */
#define INTERRUPTIONS_MAX 1000

int kvm_call(int fd, unsigned long request, const char *name, unsigned long argument,
	     struct error *err)
{
	int result, tries = 0;

	/* A pending signal or task work interrupts those that wait: KVM_CREATE_VM starts a thread, for example. */
	do
		result = ioctl(fd, request, argument);
	while (result < 0 && errno == EINTR && ++tries < INTERRUPTIONS_MAX);
	return result >= 0 ? result : error_set(err, -errno, "%s: %s", name, strerror(errno));
}

static int check_capabilities(int kvm_fd, struct error *err)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
		{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
		{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
	};
	int version = KVM_CALL(kvm_fd, KVM_GET_API_VERSION, 0, err);

	if (version < 0)
		return version;
	if (version != KVM_API_VERSION)
		return error_set(err, -ENOTSUP, KVM_DEVICE ": API version %d, need %d", version,
				 KVM_API_VERSION);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		int has = KVM_CALL(kvm_fd, KVM_CHECK_EXTENSION, needed[i].number, err);

		if (has < 0)
			return has;
		if (has == 0)
			return error_set(err, -ENOTSUP, KVM_DEVICE ": this kernel's KVM lacks %s",
					 needed[i].name);
	}
	return 0;
}

int kvm_open(struct error *err)
{
	int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return error_set(err, -EACCES,
				 "no permission for " KVM_DEVICE "; join the group kvm or be root");
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return error_set(err, -ENOENT,
				 "no " KVM_DEVICE " here; load the module kvm-intel or kvm-amd");
	if (fd < 0)
		return error_set(err, -errno, KVM_DEVICE ": %s", strerror(errno));

	int result = check_capabilities(fd, err);

	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

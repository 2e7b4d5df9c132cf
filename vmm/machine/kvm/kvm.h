/* SPDX-License-Identifier: MPL-2.0 */
/* Opens /dev/kvm; the one place that issues KVM's ioctls. */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>

#include "base/error.h"

/*
 * Opens /dev/kvm and checks the API version and the capabilities that this VMM needs. Returns a descriptor, or -ENOENT,
 * -EACCES, -ENOTSUP or the errno of a failed system call, with a text that says what to do.
 */
int kvm_open(struct error *err);

/*
 * Issues one ioctl, whose argument is a pointer or a number. Returns its result (>= 0), or a negative errno with a text
 * that names the ioctl. Use KVM_CALL, which supplies the name.
 */
int kvm_call(int fd, unsigned long request, const char *name, unsigned long argument,
	     struct error *err);

#define KVM_CALL(fd, request, argument, err)                                                       \
	kvm_call((fd), (request), #request, (unsigned long)(argument), (err))

/* The name of a KVM_EXIT_* reason, and of a KVM_INTERNAL_ERROR_* suberror; "unknown" for other values. */
const char *kvm_exit_name(unsigned reason);
const char *kvm_internal_error_name(unsigned suberror);

#endif

/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The libvirt library, loaded on first use: most runs of the command do not need it, and loading it with all its
 * dependencies takes longer than such a run.
 */
#ifndef VMM_LIBVIRT_API_H
#define VMM_LIBVIRT_API_H

#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "base/error.h"

#define LIBVIRT_FUNCTIONS(F)                                                                       \
	F(virConnectClose)                                                                         \
	F(virConnectDomainEventDeregisterAny)                                                      \
	F(virConnectDomainEventRegisterAny)                                                        \
	F(virConnectGetURI)                                                                        \
	F(virConnectListAllDomains)                                                                \
	F(virConnectOpen)                                                                          \
	F(virConnectRef)                                                                           \
	F(virConnectRegisterCloseCallback)                                                         \
	F(virConnectSetKeepAlive)                                                                  \
	F(virConnectUnregisterCloseCallback)                                                       \
	F(virDomainFree)                                                                           \
	F(virDomainGetID)                                                                          \
	F(virDomainGetInfo)                                                                        \
	F(virDomainGetJobInfo)                                                                     \
	F(virDomainGetName)                                                                        \
	F(virDomainGetState)                                                                       \
	F(virDomainGetUUID)                                                                        \
	F(virDomainGetUUIDString)                                                                  \
	F(virDomainLookupByID)                                                                     \
	F(virDomainLookupByName)                                                                   \
	F(virDomainLookupByUUIDString)                                                             \
	F(virDomainMemoryPeek)                                                                     \
	F(virDomainQemuMonitorCommand)                                                             \
	F(virDomainRef)                                                                            \
	F(virDomainResume)                                                                         \
	F(virDomainSuspend)                                                                        \
	F(virEventAddTimeout)                                                                      \
	F(virEventRegisterDefaultImpl)                                                             \
	F(virEventRemoveTimeout)                                                                   \
	F(virEventRunDefaultImpl)                                                                  \
	F(virEventUpdateTimeout)                                                                   \
	F(virGetLastError)                                                                         \
	F(virGetVersion)                                                                           \
	F(virInitialize)                                                                           \
	F(virSetErrorFunc)

struct libvirt_api {
#define LIBVIRT_MEMBER(name) __typeof__(name) *name;
	LIBVIRT_FUNCTIONS(LIBVIRT_MEMBER)
#undef LIBVIRT_MEMBER
};

/*
 * Loads the library once and returns its functions. The library prints nothing and starts no daemon. Returns NULL, with
 * a line of text, when it cannot be loaded.
 */
const struct libvirt_api *libvirt_api(struct error *err);

#endif

/* SPDX-License-Identifier: MPL-2.0 */
/* What inspectors may ask of a VM, for its attach server; the context is the struct engine. */
#ifndef VMM_VM_CONTROL_H
#define VMM_VM_CONTROL_H

#include "attach/server.h"

extern const struct attach_control vm_control;

#endif

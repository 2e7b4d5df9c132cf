/* SPDX-License-Identifier: MPL-2.0 */
/* The operations on a slot that a trace distinguishes: see trace.h. Changes of metadata in place are not traced. */
#ifndef PAGEVISOR_TRACE_OPERATION_H
#define PAGEVISOR_TRACE_OPERATION_H

enum trace_operation {
	TRACE_NONE,
	TRACE_CLAIM,       /* a free frame came into use; shared with one reference, or unique */
	TRACE_GET,         /* a holder took another reference */
	TRACE_GET_ADDRESS, /* a reference was taken by the bare address */
	TRACE_PUT,         /* a reference was put, and others remain */
	TRACE_DROP, /* the last reference was put, or the unique owner let go: destruction begins */
	TRACE_SHARE,   /* unique to shared */
	TRACE_UNSHARE, /* shared with one reference to unique */
	TRACE_REPLACE, /* a unique frame was given another type */
	TRACE_OPERATION_COUNT,
};

#endif

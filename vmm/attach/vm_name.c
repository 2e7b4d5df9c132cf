/* SPDX-License-Identifier: MPL-2.0 */
/* Names of VMs and of their sockets: see vm_name.h. */
#include "attach/vm_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SOCKET_SUFFIX  ".sock"
#define CAPTURE_SUFFIX ".pvc"
#define PID_PREFIX     "pid:"

/* As in the C locale, whatever the user's locale is. */
static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool ends_with(const char *text, size_t length, const char *suffix)
{
	size_t suffix_length = strlen(suffix);

	return length >= suffix_length &&
	       memcmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

bool vm_name_is_good(const char *name)
{
	size_t length = strnlen(name, VM_NAME_SIZE);

	if (length == 0 || length == VM_NAME_SIZE || !is_alphanumeric(name[0]) ||
	    ends_with(name, length, CAPTURE_SUFFIX))
		return false;
	for (size_t i = 1; i < length; i++)
		if (!is_alphanumeric(name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

char *vm_socket_name(const struct vm_id *id, char *buffer)
{
	snprintf(buffer, VM_SOCKET_NAME_SIZE, "%s.%" PRIu32 SOCKET_SUFFIX, id->name, id->pid);
	return buffer;
}

/* Parses all of [text, text + length): 1 to 2^31 - 1, without leading zeros. */
static bool parse_pid(const char *text, size_t length, uint32_t *pid)
{
	uint64_t value = 0;

	if (length == 0 || length > 10 || text[0] == '0')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = 10 * value + (uint64_t)(text[i] - '0');
	}
	*pid = (uint32_t)value;
	return value <= INT32_MAX;
}

bool vm_socket_name_parse(const char *file, struct vm_id *id)
{
	size_t length = strlen(file);

	if (length >= VM_SOCKET_NAME_SIZE || !ends_with(file, length, SOCKET_SUFFIX))
		return false;
	length -= strlen(SOCKET_SUFFIX);
	const char *dot = memrchr(file, '.', length);

	if (!dot || (size_t)(dot - file) >= VM_NAME_SIZE)
		return false;
	size_t name_length = (size_t)(dot - file);

	memcpy(id->name, file, name_length);
	id->name[name_length] = '\0';
	return vm_name_is_good(id->name) && parse_pid(dot + 1, length - name_length - 1, &id->pid);
}

bool vm_pid_parse(const char *text, uint32_t *pid)
{
	size_t prefix = strlen(PID_PREFIX);

	return strncmp(text, PID_PREFIX, prefix) == 0 &&
	       parse_pid(text + prefix, strlen(text + prefix), pid);
}

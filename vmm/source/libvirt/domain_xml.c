/* SPDX-License-Identifier: MPL-2.0 */
/* A libvirt domain definition: see domain_xml.h. */
#include "source/libvirt/domain_xml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/ports.h>

#define KIB 1024

/*
 * The length in bytes of the UTF-8 character at `text`, 0 if XML 1.0 (section 2.2) does not allow it in a document:
 * malformed, not in its shortest form, a surrogate, a control character, U+FFFE or U+FFFF.
 */
static unsigned character_length(const char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length */
	uint8_t first = (uint8_t)text[0];
	unsigned length = first < 0x80   ? 1
			  : first < 0xc0 ? 0
			  : first < 0xe0 ? 2
			  : first < 0xf0 ? 3
					 : 4;
	uint32_t code = length == 1 ? first : first & (0x7fu >> length);

	if (length == 0 || first >= 0xf8)
		return 0;
	for (unsigned i = 1; i < length; i++) {
		uint8_t next = (uint8_t)text[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (next & 0x3f);
	}
	if (length == 1)
		return code >= 0x20 || code == '\t' || code == '\n' || code == '\r';
	if (code < least[length] || code > 0x10ffff || (code & ~0x7ffu) == 0xd800 ||
	    code == 0xfffe || code == 0xffff)
		return 0;
	return length;
}

static bool is_xml_text(const char *text)
{
	while (*text) {
		unsigned length = character_length(text);

		if (length == 0)
			return false;
		text += length;
	}
	return true;
}

/* Safe for the text of an element and for an attribute in either kind of quotes. White space is preserved. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("&<>\"'\t\n\r", *text))
			fprintf(out, "&#%u;", (unsigned)(uint8_t)*text);
		else
			fputc(*text, out);
	}
}

static void print_element(FILE *out, const char *indent, const char *name, const char *text)
{
	fprintf(out, "%s<%s>", indent, name);
	print_escaped(out, text);
	fprintf(out, "</%s>\n", name);
}

static void print_backing(FILE *out, const char *backing)
{
	bool is_private = strcmp(backing, "private") == 0;

	fprintf(out,
		"  <memoryBacking>\n"
		"    <source type='%s'/>\n"
		"    <access mode='%s'/>\n"
		"  </memoryBacking>\n",
		is_private ? "anonymous" : backing, is_private ? "private" : "shared");
}

static void print_definition(FILE *out, const struct domain_definition *definition)
{
	fprintf(out, "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
		definition->has_kvm ? "kvm" : "qemu");
	print_element(out, "  ", "name", definition->name);
	fprintf(out, "  <memory unit='KiB'>%" PRIu64 "</memory>\n", definition->memory_bytes / KIB);
	print_backing(out, definition->backing);
	fprintf(out, "  <vcpu>%u</vcpu>\n  <os>\n    <type arch='x86_64' machine='",
		definition->cpus);
	print_escaped(out, definition->machine);
	fprintf(out, "'>hvm</type>\n");
	print_element(out, "    ", "kernel", definition->kernel);
	print_element(out, "    ", "cmdline", definition->command_line);
	fprintf(out,
		"  </os>\n"
		"  <features>\n    <acpi/>\n  </features>\n"
		"  <on_poweroff>destroy</on_poweroff>\n"
		"  <on_reboot>destroy</on_reboot>\n"
		"  <on_crash>destroy</on_crash>\n"
		"  <devices>\n"
		"    <controller type='usb' model='none'/>\n"
		"    <memballoon model='none'/>\n"
		"    <serial type='pty'>\n      <target port='0'/>\n    </serial>\n"
		"  </devices>\n"
		"  <qemu:commandline>\n"
		"    <qemu:arg value='-device'/>\n"
		"    <qemu:arg value='isa-debug-exit,iobase=%#x,iosize=%u'/>\n"
		"  </qemu:commandline>\n"
		"</domain>\n",
		PORT_EXIT, PORT_EXIT_COUNT);
}

static int check_texts(const struct domain_definition *definition, struct error *err)
{
	if (!is_xml_text(definition->name))
		return error_set(err, -EINVAL,
				 "the domain's name has bytes that XML does not allow");
	if (!is_xml_text(definition->kernel))
		return error_set(err, -EINVAL,
				 "the kernel's path has bytes that XML does not allow");
	if (!is_xml_text(definition->command_line))
		return error_set(
			err, -EINVAL,
			"the guest's command line has bytes that XML does not allow: control "
			"characters, or bytes that are not UTF-8");
	return 0;
}

int domain_xml(const struct domain_definition *definition, char **xml, struct error *err)
{
	size_t size;
	int result = check_texts(definition, err);
	FILE *out = result == 0 ? open_memstream(xml, &size) : NULL;

	if (result < 0)
		return result;
	if (!out)
		return error_set(err, -ENOMEM, "no memory for a domain definition");
	print_definition(out, definition);
	bool has_failed = ferror(out) != 0;

	if (fclose(out) != 0 || has_failed) {
		free(*xml);
		return error_set(err, -ENOMEM, "no memory for a domain definition");
	}
	return 0;
}

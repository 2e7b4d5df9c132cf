/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the writer of libvirt's domain definitions: whatever its texts are, the markup is the same. The input is a name
 * and a command line, with a newline between them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_check.h"
#include "source/libvirt/domain_xml.h"

static char *write_xml(const char *name, const char *command_line)
{
	const struct domain_definition definition = {
		.name = name,
		.machine = "pc",
		.backing = "memfd",
		.kernel = name,
		.command_line = command_line,
		.memory_bytes = 64 << 20,
		.cpus = 2,
	};
	struct error err;
	char *xml;
	int result = domain_xml(&definition, &xml, &err);

	if (result == 0)
		return xml;
	FUZZ_CHECK(result == -EINVAL);
	fuzz_check_error(&err);
	return NULL;
}

static size_t count(const char *text, const char *what)
{
	size_t found = 0;

	for (; (text = strstr(text, what)); text++)
		found++;
	return found;
}

/* Each & begins a reference to one of the characters that markup or white space consists of. */
static bool has_only_references(const char *xml)
{
	static const char *const references[] = {"&#38;", "&#60;", "&#62;", "&#34;",
						 "&#39;", "&#9;",  "&#10;", "&#13;"};
	size_t found = 0;

	for (unsigned i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		found += count(xml, references[i]);
	return found == count(xml, "&");
}

/* XML allows no control characters but these. */
static bool has_only_characters(const char *xml)
{
	for (; *xml; xml++)
		if ((unsigned char)*xml < ' ' && *xml != '\n' && *xml != '\t' && *xml != '\r')
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const markup[] = {"<", ">", "\"", "'"};
	char *text = fuzz_text(data, size), *command_line = strchr(text, '\n');

	if (command_line)
		*command_line++ = '\0';
	char *plain = write_xml("plain", "plain");
	char *xml = write_xml(text, command_line ? command_line : "");

	FUZZ_CHECK(plain != NULL);
	if (xml) {
		for (unsigned i = 0; i < sizeof(markup) / sizeof(markup[0]); i++)
			FUZZ_CHECK(count(xml, markup[i]) == count(plain, markup[i]));
		FUZZ_CHECK(has_only_references(xml) && has_only_characters(xml));
	}
	free(plain);
	free(xml);
	free(text);
	return 0;
}

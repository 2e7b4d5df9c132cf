/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/source/libvirt/domain_xml.h: what the texts of a definition turn into, and which texts are refused. */
#include "unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/libvirt/domain_xml.h"

static struct domain_definition definition_with(const char *command_line)
{
	return (struct domain_definition){
		.name = "demo",
		.machine = "pc",
		.backing = "memfd",
		.kernel = "/kernel",
		.command_line = command_line,
		.memory_bytes = 64 << 20,
		.cpus = 3,
	};
}

/* Asserts that the definition can be made, and contains `wanted`. */
static void assert_has(const struct domain_definition *definition, const char *wanted)
{
	struct error err;
	char *xml;

	ck_assert_int_eq(domain_xml(definition, &xml, &err), 0);
	ck_assert_msg(strstr(xml, wanted) != NULL, "%s\nlacks\n%s", xml, wanted);
	free(xml);
}

START_TEST(definitions_have_what_was_asked_for)
{
	struct domain_definition definition = definition_with("seed=1");

	assert_has(&definition, "<domain type='qemu' ");
	assert_has(&definition, "<name>demo</name>");
	assert_has(&definition, "<memory unit='KiB'>65536</memory>");
	assert_has(&definition, "<source type='memfd'/>\n    <access mode='shared'/>");
	assert_has(&definition, "<vcpu>3</vcpu>");
	assert_has(&definition, "machine='pc'>hvm<");
	assert_has(&definition, "<kernel>/kernel</kernel>");
	assert_has(&definition, "<cmdline>seed=1</cmdline>");
	assert_has(&definition, "value='isa-debug-exit,iobase=0xf4,iosize=4'");
	definition.has_kvm = true;
	assert_has(&definition, "<domain type='kvm' ");
	definition.backing = "file";
	assert_has(&definition, "<source type='file'/>\n    <access mode='shared'/>");
	definition.backing = "private";
	assert_has(&definition, "<source type='anonymous'/>\n    <access mode='private'/>");
}
END_TEST

START_TEST(what_is_markup_is_escaped)
{
	struct domain_definition definition = definition_with("<&>\"'\t\n\rx");

	assert_has(&definition, "<cmdline>&#60;&#38;&#62;&#34;&#39;&#9;&#10;&#13;x</cmdline>");
	definition.kernel = "/a&b<c>";
	assert_has(&definition, "<kernel>/a&#38;b&#60;c&#62;</kernel>");
	definition.name = "</name>";
	assert_has(&definition, "<name>&#60;/name&#62;</name>");
	definition.machine = "'/>";
	assert_has(&definition, "machine='&#39;/&#62;'>hvm<");
}
END_TEST

START_TEST(characters_of_all_lengths_are_taken)
{
	static const char *const texts[] = {" ",
					    "~",
					    "\x7f",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xef\xbf\xbd",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct domain_definition definition = definition_with(texts[i]);

		assert_has(&definition, texts[i]);
	}
}
END_TEST

/* Puts each byte sequence in each place: none of them may occur in XML. */
START_TEST(what_cannot_be_in_xml_is_refused)
{
	static const char *const texts[] = {
		"\x01",             /* control characters */
		"\x1f",             /* the last control character */
		"\x80",             /* starts with a continuation byte */
		"\xc3",             /* ends within a character */
		"\xe2\x82",         /* the same */
		"\xc3(",            /* another character starts within one */
		"\xc0\xaf",         /* overlong */
		"\xc1\xbf",         /* the same */
		"\xe0\x9f\xbf",     /* the same */
		"\xf0\x8f\xbf\xbf", /* the same */
		"\xed\xa0\x80",     /* surrogates */
		"\xed\xbf\xbf",     /* the last surrogate */
		"\xef\xbf\xbe",     /* U+FFFE */
		"\xef\xbf\xbf",     /* U+FFFF */
		"\xf4\x90\x80\x80", /* past the last code point */
		"\xf8\x88\x80\x80\x80",
		"\xff",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[16] = "good ";
		struct error err = {""};
		char *xml;

		strcat(text, texts[i]);
		struct domain_definition definition = definition_with(text);

		ck_assert_msg(domain_xml(&definition, &xml, &err) == -EINVAL, "text %zu", i);
		ck_assert_ptr_nonnull(strstr(err.text, "command line"));
		definition = definition_with("");
		definition.kernel = text;
		ck_assert_int_eq(domain_xml(&definition, &xml, &err), -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, "kernel"));
		definition.kernel = "/";
		definition.name = text;
		ck_assert_int_eq(domain_xml(&definition, &xml, &err), -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, "name"));
	}
}
END_TEST

Suite *domain_xml_suite(void)
{
	Suite *suite = suite_create("domain_xml");
	TCase *texts = tcase_create("texts");

	tcase_add_test(texts, definitions_have_what_was_asked_for);
	tcase_add_test(texts, what_is_markup_is_escaped);
	tcase_add_test(texts, characters_of_all_lengths_are_taken);
	tcase_add_test(texts, what_cannot_be_in_xml_is_refused);
	suite_add_tcase(suite, texts);
	return suite;
}

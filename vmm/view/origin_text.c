/* SPDX-License-Identifier: MPL-2.0 */
/* Where a guest's memory comes from: see origin_text.h. */
#include "view/origin_text.h"

#include <inttypes.h>
#include <time.h>

#include "file/format.h"

/* Years have four digits. */
#define TIME_END UINT64_C(253402300800)

char *origin_time_text(char *text, uint64_t time_s)
{
	time_t time = (time_t)time_s;
	struct tm parts;

	if (time_s >= TIME_END || !gmtime_r(&time, &parts) ||
	    strftime(text, ORIGIN_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		snprintf(text, ORIGIN_TIME_TEXT, "unknown");
	return text;
}

char *origin_taken_text(char *text, const struct capture_facts *facts)
{
	char time[ORIGIN_TIME_TEXT];

	snprintf(text, ORIGIN_TAKEN_TEXT, "%s by %.63s", origin_time_text(time, facts->time_s),
		 facts->program);
	return text;
}

static void print_capture(const struct capture_facts *facts, FILE *out)
{
	char text[ORIGIN_TAKEN_TEXT];

	fprintf(out, "captured  %s\n", origin_taken_text(text, facts));
	if (facts->host_kernel[0] || facts->host_cpu[0])
		fprintf(out, "host      %.63s%s%.63s\n", facts->host_kernel,
			facts->host_kernel[0] && facts->host_cpu[0] ? ", " : "", facts->host_cpu);
}

void origin_print(const struct source *source, const struct guest *guest, FILE *out)
{
	uint64_t image;
	bool has_image = guest_image_id(guest, &image) == 0;

	if (source->capture)
		print_capture(source->capture, out);
	if (has_image)
		fprintf(out, "image     0x%016" PRIx64 "%s", image, guest->boot_id ? "" : "\n");
	if (guest->boot_id)
		fprintf(out, "%s 0x%016" PRIx64 "\n", has_image ? ", boot" : "boot     ",
			guest->boot_id);
}

static json *capture_json(const struct capture_facts *facts)
{
	json *object = json_object_new_object();
	char time[ORIGIN_TIME_TEXT];

	json_add_text(object, "taken_at", origin_time_text(time, facts->time_s));
	json_add_text(object, "program", facts->program);
	json_add_text(object, "host_kernel", facts->host_kernel);
	json_add_text(object, "host_cpu", facts->host_cpu);
	return object;
}

void origin_print_side(const char *title, const struct source *source, FILE *out)
{
	char text[ORIGIN_TAKEN_TEXT];

	fprintf(out, "%-9s %s, %s%s\n", title, source->name, source->capture ? "captured " : "now",
		source->capture ? origin_taken_text(text, source->capture) : "");
}

void origin_add_json(json *root, const struct source *source, const struct guest *guest)
{
	uint64_t image;

	if (source->capture)
		json_add(root, "capture", capture_json(source->capture));
	if (guest_image_id(guest, &image) == 0)
		json_add_hex(root, "image_id", image);
	if (guest->boot_id)
		json_add_hex(root, "boot_id", guest->boot_id);
}

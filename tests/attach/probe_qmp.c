/* SPDX-License-Identifier: MPL-2.0 */
/* Uses of attach-probe that talk to a QEMU: see probe.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/probe.h"
#include "qmp/qmp.h"

int probe_qmp(char **arguments)
{
	struct json_object *answer, *values = NULL;
	char *separator = strchr(arguments[1], ' ');
	struct error err;
	struct qmp qmp;

	if (qmp_connect(&qmp, arguments[0], QMP_TIMEOUT_MS, &err) < 0)
		return probe_fail(err.text);
	if (strcmp(arguments[1], "stay") == 0) {
		probe_say("connected");
		pause();
	}
	if (separator) {
		*separator = '\0';
		values = json_tokener_parse(separator + 1);
	}
	int result = qmp_execute(&qmp, arguments[1], values, &answer, &err);

	qmp_close(&qmp);
	if (result < 0)
		return probe_fail(err.text);
	probe_say(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
	json_object_put(answer);
	return EXIT_SUCCESS;
}

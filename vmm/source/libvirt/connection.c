/* SPDX-License-Identifier: MPL-2.0 */
/* A connection to a libvirt daemon: see connection.h. */
#include "source/libvirt/connection.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/printable.h"
#include "source/libvirt/call.h"

#define KIB 1024

/* How often to retry a daemon that is not available, and the least often for one that is silent. */
#define RETRY_MS     500
#define RETRY_MAX_MS 60000

/* Seconds of silence before a keepalive probe, and the unanswered probes after which a connection counts as lost. */
#define KEEPALIVE_INTERVAL 2
#define KEEPALIVE_COUNT    3

/* Whether a URI names no host: "qemu:///system", "qemu+unix:///session?socket=/path". */
static bool names_no_host(const char *uri)
{
	const char *authority = strstr(uri, "://");

	return authority && authority[3] == '/';
}

unsigned libvirt_connect_timeout_ms(const char *uri)
{
	const char *used = uri ? uri : getenv("LIBVIRT_DEFAULT_URI");

	return !used || !*used || names_no_host(used) ? SHARED_TIMEOUT_MS : LIBVIRT_OPEN_TIMEOUT_MS;
}

static int open_connection(struct libvirt_call *call)
{
	call->conn = call->api->virConnectOpen(call->text);
	if (!call->conn)
		return -1;
	/* Works only with a running event loop, and not with every driver: useful, but not required. */
	call->api->virConnectSetKeepAlive(call->conn, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
	char *uri = call->api->virConnectGetURI(call->conn);

	if (!uri)
		return -1;
	free(call->text);
	call->text = uri;
	return 0;
}

int libvirt_connect(struct libvirt_connection *connection, const char *uri, unsigned timeout_ms,
		    struct error *err)
{
	const struct libvirt_api *api = libvirt_api(err);

	if (!api)
		return -ENOTSUP;
	struct libvirt_call *call = libvirt_call_new(api, NULL, NULL, open_connection);
	struct error why;

	if (call && uri) {
		call->text = strdup(uri);
		if (!call->text) {
			libvirt_call_free(call);
			call = NULL;
		}
	}
	int result = libvirt_call_make(call, timeout_ms, &why);
	char name[128];

	if (result < 0) {
		printable_copy(name, sizeof(name), uri ? uri : "its default URI");
		return error_set(err, result, "cannot connect to libvirt at %s: %s", name,
				 why.text);
	}
	*connection = (struct libvirt_connection){
		.api = api,
		.conn = call->conn,
		.is_local = names_no_host(call->text),
		.timeout_ms = LIBVIRT_TIMEOUT_MS,
	};
	printable_copy(connection->uri, sizeof(connection->uri), call->text);
	call->conn = NULL;
	libvirt_call_free(call);
	return 0;
}

int libvirt_retry_ms(int result, int waited_ms)
{
	if (result != -ETIMEDOUT || waited_ms == 0)
		return RETRY_MS;
	return waited_ms < RETRY_MAX_MS / 2 ? waited_ms * 2 : RETRY_MAX_MS;
}

/* Closing is a request to the daemon, too. */
static int close_connection(struct libvirt_call *call)
{
	call->api->virConnectClose(call->conn);
	call->conn = NULL;
	return 0;
}

void libvirt_disconnect(struct libvirt_connection *connection)
{
	struct libvirt_call *call = libvirt_call_new(connection->api, NULL, NULL, close_connection);
	struct error ignored;

	if (call)
		call->conn = connection->conn;
	connection->conn = NULL;
	if (libvirt_call_make(call, connection->timeout_ms, &ignored) == 0)
		libvirt_call_free(call);
}

/* Makes a call on a domain or a connection that returns nothing but success or failure. */
static int make_and_free(const struct libvirt_connection *connection, struct libvirt_call *call,
			 struct error *err)
{
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result == 0)
		libvirt_call_free(call);
	return result;
}

static bool is_uuid(const char *text)
{
	return strlen(text) == VIR_UUID_STRING_BUFLEN - 1 &&
	       strspn(text, "0123456789abcdefABCDEF-") == VIR_UUID_STRING_BUFLEN - 1;
}

/* "12", as virsh list shows it. */
static bool parse_id(const char *text, int *id)
{
	char *end;
	long value;

	if (*text < '1' || *text > '9')
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	*id = (int)value;
	return errno == 0 && !*end && value <= INT_MAX;
}

/* The error of the last look-up remains: where only the name was possible, that it is not found. */
static int look_up(struct libvirt_call *call)
{
	const struct libvirt_api *api = call->api;
	int id;

	call->domain = api->virDomainLookupByName(call->conn, call->text);
	if (!call->domain && is_uuid(call->text))
		call->domain = api->virDomainLookupByUUIDString(call->conn, call->text);
	if (!call->domain && parse_id(call->text, &id))
		call->domain = api->virDomainLookupByID(call->conn, id);
	return call->domain ? 0 : -1;
}

static int look_up_uuid(struct libvirt_call *call)
{
	call->domain = call->api->virDomainLookupByUUIDString(call->conn, call->text);
	return call->domain ? 0 : -1;
}

static int find_domain(const struct libvirt_connection *connection,
		       int (*work)(struct libvirt_call *), const char *text, virDomainPtr *domain,
		       struct error *err)
{
	struct libvirt_call *call = libvirt_call_new(connection->api, connection->conn, NULL, work);

	if (call) {
		call->text = strdup(text);
		if (!call->text) {
			libvirt_call_free(call);
			call = NULL;
		}
	}
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result < 0)
		return result;
	*domain = call->domain;
	call->domain = NULL;
	libvirt_call_free(call);
	return 0;
}

int libvirt_domain_find(const struct libvirt_connection *connection, const char *name,
			virDomainPtr *domain, struct error *err)
{
	return find_domain(connection, look_up, name, domain, err);
}

int libvirt_domain_find_uuid(const struct libvirt_connection *connection, const char *uuid,
			     virDomainPtr *domain, struct error *err)
{
	return find_domain(connection, look_up_uuid, uuid, domain, err);
}

void libvirt_domain_put(const struct libvirt_connection *connection, virDomainPtr domain)
{
	connection->api->virDomainFree(domain);
}

static void know_name(const char *name, struct domain_facts *facts)
{
	static const char cut[] = "...";

	printable_copy(facts->name, sizeof(facts->name), name);
	facts->is_name_exact = name && strcmp(name, facts->name) == 0;
	if (!name || strlen(name) < sizeof(facts->name))
		return;
	printable_copy(facts->name, sizeof(facts->name) - strlen(cut), name);
	strcat(facts->name, cut);
}

/* Fills in what the library knows without asking the daemon. */
static void know_domain(const struct libvirt_api *api, virDomainPtr domain,
			struct domain_facts *facts)
{
	know_name(api->virDomainGetName(domain), facts);
	if (api->virDomainGetUUIDString(domain, facts->uuid) < 0)
		facts->uuid[0] = '\0';
	facts->id = api->virDomainGetID(domain);
	if (facts->id == UINT_MAX)
		facts->id = 0;
}

static int ask_facts(struct libvirt_call *call)
{
	struct domain_facts *facts = &call->facts;
	virDomainInfo info;

	if (call->api->virDomainGetInfo(call->domain, &info) < 0)
		return -1;
	know_domain(call->api, call->domain, facts);
	facts->is_active = info.state != VIR_DOMAIN_SHUTOFF && info.state != VIR_DOMAIN_NOSTATE;
	facts->is_paused = info.state == VIR_DOMAIN_PAUSED || info.state == VIR_DOMAIN_PMSUSPENDED;
	facts->cpu_count = info.nrVirtCpu;
	facts->memory_bytes = (uint64_t)info.maxMem * KIB;
	return 0;
}

int libvirt_domain_facts(const struct libvirt_connection *connection, virDomainPtr domain,
			 struct domain_facts *facts, struct error *err)
{
	struct libvirt_call *call = libvirt_call_new(connection->api, NULL, domain, ask_facts);
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result < 0)
		return result;
	*facts = call->facts;
	libvirt_call_free(call);
	return 0;
}

static int peek(struct libvirt_call *call)
{
	return call->api->virDomainMemoryPeek(call->domain, call->address, call->size, call->buffer,
					      VIR_MEMORY_PHYSICAL);
}

int libvirt_domain_peek(const struct libvirt_connection *connection, virDomainPtr domain,
			uint64_t address, void *buffer, size_t size, struct error *err)
{
	struct libvirt_call *call = libvirt_call_new(connection->api, NULL, domain, peek);

	if (call) {
		call->address = address;
		call->size = size;
		call->buffer = malloc(size);
		if (!call->buffer) {
			libvirt_call_free(call);
			call = NULL;
		}
	}
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result < 0)
		return result;
	memcpy(buffer, call->buffer, size);
	libvirt_call_free(call);
	return 0;
}

static int resume(struct libvirt_call *call)
{
	return call->api->virDomainResume(call->domain);
}

static int suspend(struct libvirt_call *call)
{
	return call->api->virDomainSuspend(call->domain);
}

int libvirt_domain_suspend(const struct libvirt_connection *connection, virDomainPtr domain,
			   struct error *err)
{
	return make_and_free(connection, libvirt_call_new(connection->api, NULL, domain, suspend),
			     err);
}

int libvirt_domain_resume(const struct libvirt_connection *connection, virDomainPtr domain,
			  struct error *err)
{
	return make_and_free(connection, libvirt_call_new(connection->api, NULL, domain, resume),
			     err);
}

/* Adds the domains that match the flags to the call's list. */
static int list_some(struct libvirt_call *call, unsigned flags, bool is_paused)
{
	virDomainPtr *domains;
	int count = call->api->virConnectListAllDomains(call->conn, &domains, flags);

	if (count < 0)
		return -1;
	struct domain_facts *list =
		realloc(call->list, (call->count + (size_t)count + 1) * sizeof(*call->list));

	if (list)
		call->list = list;
	for (int i = 0; i < count; i++) {
		if (list) {
			struct domain_facts *facts = &list[call->count++];

			*facts = (struct domain_facts){.is_active = true, .is_paused = is_paused};
			know_domain(call->api, domains[i], facts);
		}
		call->api->virDomainFree(domains[i]);
	}
	free(domains);
	return list ? 0 : -1;
}

static int list_all(struct libvirt_call *call)
{
	int result = list_some(
		call, VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_RUNNING, false);

	return result < 0 ? result
			  : list_some(call,
				      VIR_CONNECT_LIST_DOMAINS_ACTIVE |
					      VIR_CONNECT_LIST_DOMAINS_PAUSED |
					      VIR_CONNECT_LIST_DOMAINS_OTHER,
				      true);
}

int libvirt_domains_list(const struct libvirt_connection *connection, struct domain_facts **facts,
			 unsigned *count, struct error *err)
{
	struct libvirt_call *call =
		libvirt_call_new(connection->api, connection->conn, NULL, list_all);
	int result = libvirt_call_make(call, connection->timeout_ms, err);

	if (result < 0)
		return result;
	*facts = call->list;
	*count = call->count;
	call->list = NULL;
	libvirt_call_free(call);
	return 0;
}

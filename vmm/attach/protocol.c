/* SPDX-License-Identifier: MPL-2.0 */
/* Checks of the messages that arrive over a VM's socket: see protocol.h. */
#include "attach/protocol.h"

#include <errno.h>
#include <inttypes.h>

#include <pagevisor/address.h>
#include <pagevisor/layout.h>

#include "attach/vm_name.h"
#include "memory/machine_state.h"

_Static_assert(ATTACH_NAME_SIZE >= VM_NAME_SIZE, "a name fits the hello");

static int bad(struct error *err, const char *field, uint64_t value)
{
	return error_set(err, -EPROTO, "%s is %#" PRIx64, field, value);
}

/* Checks the common header of a message, and its size. */
static int check_header(const struct attach_header *header, size_t length, size_t expected,
			struct error *err)
{
	if (length < sizeof(*header))
		return bad(err, "the length of a message", length);
	if (header->magic != ATTACH_MAGIC)
		return bad(err, "the magic", header->magic);
	if (header->version != ATTACH_VERSION)
		return error_set(err, -EPROTO, "the protocol version is %u; %d is needed",
				 header->version, ATTACH_VERSION);
	if (length != expected || header->size != expected)
		return bad(err, "the length of a message", length);
	return 0;
}

static int check_type(const struct attach_header *header, enum attach_type type, struct error *err)
{
	return header->type == type ? 0 : bad(err, "the type of a message", header->type);
}

/* Overlaps are not checked here: the memory map to which the regions are added rejects them. */
static int check_map(const struct attach_map *map, struct error *err)
{
	if (map->region_count > ATTACH_REGIONS_MAX)
		return bad(err, "the number of memory regions", map->region_count);
	for (unsigned i = 0; i < map->region_count; i++) {
		const struct attach_region *region = &map->regions[i];

		if (!is_aligned(region->base | region->size | region->fd_offset, PAGE_SIZE))
			return bad(err, "a memory region's address", region->base);
		if (region->size == 0 || region->base + region->size < region->base ||
		    region->size > INT64_MAX || region->fd_offset > INT64_MAX - region->size)
			return bad(err, "a memory region's size", region->size);
	}
	return 0;
}

int attach_check_hello(const union attach_message *message, size_t length, struct error *err)
{
	const struct attach_hello *hello = &message->hello;
	int result = check_header(&hello->header, length, sizeof(*hello), err);

	if (result == 0)
		result = check_type(&hello->header, ATTACH_HELLO, err);
	if (result < 0)
		return result;
	if (hello->pid == 0 || hello->pid > INT32_MAX)
		return bad(err, "the process", hello->pid);
	if (hello->cpu_count == 0 || hello->cpu_count > MAX_CPUS)
		return bad(err, "the number of vCPUs", hello->cpu_count);
	if (hello->flags & ~ATTACH_HAS_INFO)
		return bad(err, "the flags", hello->flags);
	if (hello->name[ATTACH_NAME_SIZE - 1] != '\0' || !vm_name_is_good(hello->name))
		return error_set(err, -EPROTO, "its name is not valid");
	return check_map(&hello->map, err);
}

int attach_check_notice(const union attach_message *message, size_t length, struct error *err)
{
	const struct attach_notice *notice = &message->notice;
	int result = check_header(&notice->header, length, sizeof(*notice), err);

	if (result == 0)
		result = check_type(&notice->header, ATTACH_MAP_CHANGED, err);
	return result < 0 ? result : check_map(&notice->map, err);
}

static int check_order(const struct attach_request *request, struct error *err)
{
	if (request->action == MANAGEMENT_NOTHING || request->action >= MANAGEMENT_ACTIONS)
		return bad(err, "the action of an order", request->action);
	if (request->flags & ~MANAGEMENT_FLAGS)
		return bad(err, "the flags", request->flags);
	if (request->bytes != MANAGEMENT_ALL && !is_aligned(request->bytes, PAGE_SIZE))
		return bad(err, "the size of an order", request->bytes);
	if (!is_aligned(request->headroom, PAGE_SIZE))
		return bad(err, "the headroom of an order", request->headroom);
	if (request->older_ns > MANAGEMENT_OLDER_MAX_NS)
		return bad(err, "the age of an order", request->older_ns);
	return 0;
}

int attach_check_request(const union attach_message *message, size_t length, struct error *err)
{
	const struct attach_request *request = &message->request;
	int result = check_header(&request->header, length, sizeof(*request), err);

	if (result < 0)
		return result;
	if (request->header.type < ATTACH_SUBSCRIBE || request->header.type >= ATTACH_TYPE_COUNT)
		return bad(err, "the type of a request", request->header.type);
	if (request->header.type == ATTACH_ORDER)
		return check_order(request, err);
	if (request->header.type == ATTACH_PAUSE || request->header.type == ATTACH_STOP)
		return request->flags > 1 ? bad(err, "the flags", request->flags) : 0;
	if (request->header.type == ATTACH_MACHINE_STATE && request->base >= MACHINE_STATE_MAX)
		return bad(err, "the offset in the machine's state", request->base);
	if (request->header.type != ATTACH_DIRTY_READ &&
	    request->header.type != ATTACH_FRAME_RECORD)
		return 0;
	if (!is_aligned(request->base, PAGE_SIZE))
		return bad(err, "the first page's address", request->base);
	if (request->header.type == ATTACH_FRAME_RECORD)
		return 0;
	if (request->pages == 0 || request->pages > ATTACH_DIRTY_PAGES_MAX)
		return bad(err, "the number of pages", request->pages);
	if (request->flags & ~ATTACH_REFRESH)
		return bad(err, "the flags", request->flags);
	return 0;
}

/* A reply with a result of 0 has a size of its own. */
static int check_reply(const union attach_message *message, size_t length, size_t expected,
		       struct error *err)
{
	const struct attach_reply *reply = &message->reply;

	if (length < sizeof(*reply) || reply->result != 0)
		expected = sizeof(*reply);
	int result = check_header(&reply->header, length, expected, err);

	if (result < 0)
		return result;
	if (reply->header.type != ATTACH_REPLY && reply->header.type != ATTACH_REFUSED)
		return bad(err, "the type of a message", reply->header.type);
	if (reply->result > 0 || reply->result < -4095)
		return bad(err, "the result of a request", (uint32_t)reply->result);
	if (reply->pid > INT32_MAX)
		return bad(err, "the process of a reply", reply->pid);
	if (reply->header.type == ATTACH_REFUSED && reply->result == 0)
		return bad(err, "the result of a refusal", 0);
	return 0;
}

int attach_check_reply(const union attach_message *message, size_t length, uint32_t pages,
		       struct error *err)
{
	return check_reply(message, length,
			   pages > 0 ? attach_dirty_size(pages) : sizeof(message->reply), err);
}

/* The figures may be anything: they are only shown. */
int attach_check_status(const union attach_message *message, size_t length, struct error *err)
{
	const struct management_status *status = &message->status.status;
	int result = check_reply(message, length, sizeof(message->status), err);

	if (result < 0 || message->reply.result < 0)
		return result;
	if (status->action >= MANAGEMENT_ACTIONS)
		return bad(err, "the action of a status", status->action);
	if (status->reason >= MANAGEMENT_REASONS || status->look_reason >= MANAGEMENT_REASONS)
		return bad(err, "the reason in a status", status->reason);
	if (status->error > 0 || status->error < -4095)
		return bad(err, "the error in a status", (uint32_t)status->error);
	if (status->flags & ~MANAGEMENT_STATUS_FLAGS)
		return bad(err, "the flags", status->flags);
	return 0;
}

/* Times and generations may be anything: they are only shown. */
static int check_event(const struct management_event *event, struct error *err)
{
	if (event->type >= MANAGEMENT_EVENT_TYPES)
		return bad(err, "the type of an event", event->type);
	if (event->action >= MANAGEMENT_ACTIONS || event->action == MANAGEMENT_LOOK)
		return bad(err, "the action of an event", event->action);
	if (event->flags & ~MANAGEMENT_HARD)
		return bad(err, "the flags of an event", event->flags);
	if (event->frames == 0)
		return bad(err, "the frames of an event", 0);
	return 0;
}

int attach_check_machine(const union attach_message *message, size_t length, uint64_t offset,
			 struct error *err)
{
	const struct attach_reply *reply = &message->reply;
	uint64_t total = length < sizeof(*reply) ? 0 : reply->value;
	int result = check_reply(message, length,
				 offsetof(struct attach_machine_reply, bytes) +
					 attach_piece_size(total, offset),
				 err);

	if (result < 0 || reply->result < 0)
		return result;
	if (total > MACHINE_STATE_MAX || total <= offset)
		return bad(err, "the size of the machine's state", total);
	return 0;
}

int attach_check_record(const union attach_message *message, size_t length, struct error *err)
{
	const struct management_record *record = &message->record.record;
	int result = check_reply(message, length, sizeof(message->record), err);

	if (result < 0 || message->reply.result < 0)
		return result;
	if (record->flags & ~MANAGEMENT_RECORD_FLAGS)
		return bad(err, "the flags", record->flags);
	if (record->count > MANAGEMENT_EVENTS_MAX)
		return bad(err, "the number of events", record->count);
	for (uint32_t i = 0; i < record->count && result == 0; i++)
		result = check_event(&record->events[i], err);
	return result;
}

/* SPDX-License-Identifier: MPL-2.0 */
/* Names of files: see file_name.h. The kernel's d_path (fs/d_path.c) does the same, but for mounts. */
#include "kind/linux/file_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

#define MINOR_BITS 20 /* of the kernel's own dev_t */

/* struct hlist_head and struct hlist_node. */
static const struct kernel_field first_name = {.offset = 0, .size = 8};

/* A path that grows to the front. */
struct path {
	char *text;
	size_t start;
	bool is_cut;
};

static void prepend(struct path *path, const char *text, size_t length)
{
	/* Room for what says so. */
	if (path->is_cut || length + sizeof("...") > path->start) {
		path->is_cut = true;
		return;
	}
	path->start -= length;
	memcpy(path->text + path->start, text, length);
}

bool linux_file_inode(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t mapping, uint64_t *inode)
{
	uint64_t back;

	if (!kernel_field_pointer(space, mapping, &fields->mapping_host, inode))
		return false;
	if (fields->inode_data.size && *inode + fields->inode_data.offset == mapping)
		return true;
	return kernel_field_pointer(space, *inode, &fields->inode_mapping, &back) &&
	       back == mapping;
}

/* One of the names that the kernel remembers, and that leads back to the inode. */
static bool find_dentry(const struct kernel_space *space, const struct owner_fields *fields,
			uint64_t inode, uint64_t *dentry)
{
	uint64_t back, alias;

	if (fields->inode_names.size != sizeof(alias) || fields->dentry_alias.size == 0 ||
	    !kernel_field_pointer(space, inode + fields->inode_names.offset, &first_name, &alias))
		return false;
	*dentry = alias - fields->dentry_alias.offset;
	return kernel_field_pointer(space, *dentry, &fields->dentry_inode, &back) && back == inode;
}

static bool read_name(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t dentry, char name[FILE_NAME_MAX + 1])
{
	uint64_t at, length;

	return kernel_field_read(space, dentry, &fields->dentry_length, &length) &&
	       length <= FILE_NAME_MAX &&
	       kernel_field_read(space, dentry, &fields->dentry_name, &at) &&
	       kernel_text(space, at, name, (size_t)length + 1) && strlen(name) == length;
}

/* Prepends the names from a dentry up to a root, or its own. *top is where it ended. Returns false if there is no name at all. */
static bool climb(const struct kernel_space *space, const struct owner_fields *fields,
		  uint64_t dentry, uint64_t root, struct path *path, uint64_t *top)
{
	char name[FILE_NAME_MAX + 1];
	uint64_t parent;

	for (unsigned level = 0;; level++) {
		bool has_parent =
			kernel_field_pointer(space, dentry, &fields->dentry_parent, &parent);

		*top = dentry;
		if (dentry == root || (level > 0 && has_parent && parent == dentry))
			return true;
		if (!has_parent || level == FILE_LEVELS_MAX ||
		    !read_name(space, fields, dentry, name)) {
			path->is_cut = true;
			return level > 0;
		}
		prepend(path, name, strlen(name));
		if (parent == dentry)
			return true;
		prepend(path, "/", 1);
		if (path->is_cut)
			return true;
		dentry = parent;
	}
}

/* A mount of a whole file system, by the root of it. */
static bool find_mount(const struct kernel_space *space, const struct owner_fields *fields,
		       uint64_t super, uint64_t root, uint64_t *mount)
{
	const bool is_list = fields->super_mounts.size == 16 && fields->mount_instance.size == 16;
	const uint64_t head = super + fields->super_mounts.offset;
	uint64_t node = head, found;

	if (!is_list && !kernel_field_pointer(space, super, &fields->super_mounts, mount))
		return false;
	for (unsigned i = 0; i < FILE_MOUNTS_MAX; i++) {
		if (is_list) {
			if (!kernel_list_next(space, node, &node) || node == head)
				return false;
			*mount = node - fields->mount_instance.offset;
		}
		if (kernel_field_pointer(space, *mount, &fields->mount_root, &found) &&
		    found == root)
			return true;
		if (!is_list && !kernel_field_pointer(space, *mount, &fields->mount_next, mount))
			return false;
	}
	return false;
}

/* Prepends where the file system is mounted, if it is, as far as that is known. */
static void climb_mounts(const struct kernel_space *space, const struct owner_fields *fields,
			 uint64_t super, uint64_t root, struct path *path)
{
	const struct path before = *path;
	uint64_t mount, parent, point, top = root;
	bool is_found = find_mount(space, fields, super, root, &mount);

	for (unsigned i = 0; is_found && i < FILE_MOUNTS_MAX; i++) {
		if (!kernel_field_pointer(space, mount, &fields->mount_parent, &parent))
			break;
		if (parent == mount)
			return;
		if (!kernel_field_pointer(space, mount, &fields->mount_point, &point) ||
		    !kernel_field_pointer(space, parent, &fields->mount_root, &root) ||
		    !climb(space, fields, point, root, path, &top) || top != root)
			break;
		mount = parent;
	}
	/* Part of a place is none. */
	*path = before;
}

static bool read_path(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t inode, struct linux_file *file)
{
	struct path path = {.text = file->path, .start = sizeof(file->path) - 1};
	uint64_t dentry, again, links, top, super;

	file->path[path.start] = '\0';
	if (!find_dentry(space, fields, inode, &dentry) ||
	    !climb(space, fields, dentry, 0, &path, &top))
		return false;
	/* A root is called "/"; memory without a directory, too, is its own parent. */
	bool is_nameless = top == dentry && strcmp(path.text + path.start, "/") != 0;

	if (!is_nameless && !path.is_cut &&
	    kernel_field_pointer(space, inode, &fields->inode_super, &super))
		climb_mounts(space, fields, super, top, &path);
	/* Still the name of this inode after all was read. */
	if (!find_dentry(space, fields, inode, &again) || again != dentry)
		return false;
	if (path.is_cut) {
		path.start -= strlen("...");
		memcpy(path.text + path.start, "...", strlen("..."));
	}
	memmove(path.text, path.text + path.start, sizeof(file->path) - path.start);
	file->is_deleted = !is_nameless &&
			   kernel_field_read(space, inode, &fields->inode_links, &links) &&
			   links == 0;
	return true;
}

static void read_type(const struct kernel_space *space, const struct owner_fields *fields,
		      uint64_t inode, char type[FILE_TYPE_SIZE])
{
	uint64_t super, at;

	type[0] = '\0';
	if (kernel_field_pointer(space, inode, &fields->inode_super, &super) &&
	    kernel_field_pointer(space, super, &fields->super_type, &at) &&
	    kernel_field_text(space, at, &fields->type_name, type, FILE_TYPE_SIZE))
		printable_copy(type, FILE_TYPE_SIZE, type);
	else
		type[0] = '\0';
}

/* What an inode without a name is called. */
static void name_inode(const struct kernel_space *space, const struct owner_fields *fields,
		       uint64_t inode, struct linux_file *file)
{
	uint64_t device;

	if (strcmp(file->type, "bdev") == 0 &&
	    kernel_field_read(space, inode, &fields->inode_device, &device))
		snprintf(file->path, sizeof(file->path), "device %" PRIu64 ":%" PRIu64,
			 device >> MINOR_BITS, device & ((1 << MINOR_BITS) - 1));
	else if (file->number)
		snprintf(file->path, sizeof(file->path), "inode %" PRIu64, file->number);
	else
		snprintf(file->path, sizeof(file->path), "inode at 0x%" PRIx64, inode);
}

bool linux_file_of(const struct kernel_space *space, const struct owner_fields *fields,
		   uint64_t mapping, struct linux_file *file)
{
	uint64_t inode, super;

	file->is_deleted = false;
	file->device = 0;
	if (!linux_file_inode(space, fields, mapping, &inode))
		return false;
	kernel_field_read(space, inode, &fields->inode_number, &file->number);
	kernel_field_read(space, inode, &fields->inode_generation, &file->generation);
	if (kernel_field_pointer(space, inode, &fields->inode_super, &super))
		kernel_field_read(space, super, &fields->super_device, &file->device);
	read_type(space, fields, inode, file->type);
	if (!read_path(space, fields, inode, file))
		name_inode(space, fields, inode, file);
	return true;
}

/* SPDX-License-Identifier: MPL-2.0 */
/* The VMs that are attached: see vm_set.h. */
#include "cli/fleet/vm_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/rcu.h"

#include <urcu/rculfhash.h>

#define BUCKETS 256

struct attached_vm {
	struct published_object object; /* the first: see vm_of */
	struct cds_lfht_node node;
	char key[VM_KEY_SIZE];
	struct source source;
	struct type_cache types;
	struct published looks;
};

static struct attached_vm *vm_of(struct published_object *object)
{
	return (struct attached_vm *)object;
}

static struct attached_vm *vm_of_node(struct cds_lfht_node *node)
{
	return caa_container_of(node, struct attached_vm, node);
}

/* FNV-1a. Keys are names that the user gave or that the system did: nobody is to be kept from making them collide. */
static unsigned long hash_of(const char *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return hash;
}

static int has_key(struct cds_lfht_node *node, const void *key)
{
	rcu_table_found(node);
	return strcmp(vm_of_node(node)->key, key) == 0;
}

/* Nobody refers to it: neither the table nor a reader. */
static void close_vm(struct published_object *object)
{
	struct attached_vm *vm = vm_of(object);

	type_cache_clear(&vm->types);
	published_set(&vm->looks, NULL);
	source_close(&vm->source);
	free(vm);
}

int vm_set_init(struct vm_set *set, struct error *err)
{
	*set = (struct vm_set){.table = cds_lfht_new_flavor(BUCKETS, BUCKETS, BUCKETS, 0,
							    &urcu_memb_flavor, NULL)};
	if (!set->table)
		return error_set(err, -ENOMEM, "no memory for a table of VMs");
	pthread_mutex_init(&set->update, NULL);
	return 0;
}

void vm_set_destroy(struct vm_set *set)
{
	struct attached_vm *vms[VM_SET_MAX];
	unsigned count = vm_set_list(set, vms, VM_SET_MAX);

	for (unsigned i = 0; i < count; i++) {
		vm_set_remove(set, vms[i]->key);
		attached_vm_drop(vms[i]);
	}
	cds_lfht_destroy(set->table, NULL);
	pthread_mutex_destroy(&set->update);
}

static struct cds_lfht_node *look_up(const struct vm_set *set, const char *key)
{
	struct cds_lfht_iter found;

	cds_lfht_lookup(set->table, hash_of(key), has_key, key, &found);
	return cds_lfht_iter_get_node(&found);
}

/* Makes sure that it is worth opening. Another one may be faster, so insert looks again. */
static int check_key(struct vm_set *set, const char *key, struct error *err)
{
	if (key[0] == '\0' || strlen(key) >= VM_KEY_SIZE)
		return error_set(err, -EINVAL, "a VM's key has 1 to %d bytes", VM_KEY_SIZE - 1);
	rcu_section_begin();
	bool is_there = look_up(set, key) != NULL;

	rcu_section_end();
	return is_there ? error_set(err, -EEXIST, "the VM %s is attached already", key) : 0;
}

static int insert(struct vm_set *set, struct attached_vm *vm, struct error *err)
{
	int result = 0;

	pthread_mutex_lock(&set->update);
	if (set->count == VM_SET_MAX) {
		result = error_set(err, -ENOSPC, "more than %d VMs", VM_SET_MAX);
	} else {
		rcu_table_adding(&vm->node);
		rcu_section_begin();
		if (cds_lfht_add_unique(set->table, hash_of(vm->key), has_key, vm->key,
					&vm->node) == &vm->node)
			set->count++;
		else
			result = error_set(err, -EEXIST, "the VM %s is attached already", vm->key);
		rcu_section_end();
	}
	pthread_mutex_unlock(&set->update);
	return result;
}

int vm_set_add(struct vm_set *set, const char *key, vm_open_function *open, void *context,
	       struct error *err)
{
	int result = check_key(set, key, err);

	if (result < 0)
		return result;
	struct attached_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return error_set(err, -ENOMEM, "no memory for another VM");
	published_object_init(&vm->object, close_vm);
	strcpy(vm->key, key);
	result = open(context, &vm->source, err);
	if (result < 0) {
		free(vm);
		return result;
	}
	result = insert(set, vm, err);
	if (result < 0)
		published_drop(&vm->object);
	return result;
}

/* Takes it out of the table; whoever found it before has its reference when the grace period is over. */
bool vm_set_remove(struct vm_set *set, const char *key)
{
	pthread_mutex_lock(&set->update);
	rcu_section_begin();
	struct cds_lfht_node *node = look_up(set, key);

	if (node) {
		cds_lfht_del(set->table, node);
		set->count--;
	}
	rcu_section_end();
	pthread_mutex_unlock(&set->update);
	if (!node)
		return false;
	rcu_wait_for_readers();
	published_drop(&vm_of_node(node)->object);
	return true;
}

struct attached_vm *vm_set_find(const struct vm_set *set, const char *key)
{
	rcu_section_begin();
	struct cds_lfht_node *node = look_up(set, key);
	struct attached_vm *vm = node ? vm_of_node(node) : NULL;

	if (vm)
		published_hold(&vm->object);
	rcu_section_end();
	return vm;
}

unsigned vm_set_list(const struct vm_set *set, struct attached_vm **vms, unsigned max)
{
	struct cds_lfht_iter at;
	struct cds_lfht_node *node;
	unsigned count = 0;

	rcu_section_begin();
	cds_lfht_for_each(set->table, &at, node)
	{
		if (count == max)
			break;
		rcu_table_found(node);
		vms[count] = vm_of_node(node);
		published_hold(&vms[count++]->object);
	}
	rcu_section_end();
	return count;
}

void attached_vm_hold(struct attached_vm *vm)
{
	published_hold(&vm->object);
}

void attached_vm_drop(struct attached_vm *vm)
{
	published_drop(&vm->object);
}

const char *attached_vm_key(const struct attached_vm *vm)
{
	return vm->key;
}

struct source *attached_vm_source(struct attached_vm *vm)
{
	return &vm->source;
}

struct type_cache *attached_vm_types(struct attached_vm *vm)
{
	return &vm->types;
}

struct published *attached_vm_looks(struct attached_vm *vm)
{
	return &vm->looks;
}

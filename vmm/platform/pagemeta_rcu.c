/* SPDX-License-Identifier: MPL-2.0 */
/*
 * RCU for pagemeta's deferred puts, on the host: see pagemeta_rcu.h.
 *
 * A callback uses the library, so it needs a CPU number that no other thread has: the library keeps caches and queues
 * for each CPU without locks. Hence one thread runs all callbacks, whatever threads liburcu has besides.
 */
#include <pagemeta_platform.h>
#include <pagemeta_rcu.h>

#include <pthread.h>
#include <semaphore.h>

static struct call_rcu_data *worker;

static void start_worker(void)
{
	worker = urcu_memb_create_call_rcu_data(0, -1);
}

/* Callbacks of the worker run in the order of their calls. */
static void call_on_worker(struct rcu_head *urcu, void (*run)(struct rcu_head *urcu))
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct call_rcu_data *own = urcu_memb_get_thread_call_rcu_data();

	pthread_once(&once, start_worker);
	urcu_memb_set_thread_call_rcu_data(worker);
	rcu_call(urcu, run);
	urcu_memb_set_thread_call_rcu_data(own);
}

static void run_callback(struct rcu_head *urcu)
{
	platform_rcu_head_t *head =
		(platform_rcu_head_t *)((char *)urcu - offsetof(platform_rcu_head_t, urcu));

	rcu_callback_begin();
	host_cpu = HOST_RCU_CPU;
	/* Relaxed, as below: liburcu orders the two. */
	__atomic_load_n(&head->run, __ATOMIC_RELAXED)(head);
}

void platform_call_rcu(platform_rcu_head_t *head, void (*run)(platform_rcu_head_t *head))
{
	/* Atomic, because the head may lie in a slot that others read. */
	__atomic_store_n(&head->run, run, __ATOMIC_RELAXED);
	call_on_worker(&head->urcu, run_callback);
}

/* A callback behind all others. */
struct barrier {
	struct rcu_head urcu;
	sem_t reached;
};

static void reach_barrier(struct rcu_head *urcu)
{
	sem_post(&((struct barrier *)((char *)urcu - offsetof(struct barrier, urcu)))->reached);
}

void host_rcu_barrier(void)
{
	struct barrier barrier;

	sem_init(&barrier.reached, 0, 0);
	call_on_worker(&barrier.urcu, reach_barrier);
	while (sem_wait(&barrier.reached) < 0)
		; /* EINTR */
	sem_destroy(&barrier.reached);
}

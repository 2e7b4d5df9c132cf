/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The thread that looks at the guest for `pagevisor top`, so that keys never wait for a scan. Its lock covers what is
 * asked for and handing over what was seen, never the look itself.
 */
#ifndef VMM_TOP_SAMPLER_H
#define VMM_TOP_SAMPLER_H

#include <pthread.h>

#include "source/source.h"
#include "view/top/top_sample.h"

struct top_sampler {
	struct top_target target; /* of the thread */
	pthread_t thread;
	bool stopping; /* atomic: the walk polls it */
	int ready_fd;  /* an eventfd: readable when there is a sample to take */
	pthread_mutex_t lock;
	/* Under the lock. */
	pthread_cond_t wake;
	struct top_request request;
	bool is_due;               /* look at once: something else is asked for */
	struct top_sample *newest; /* not taken yet */
};

/* Returns 0 or a negative errno with one line of text. */
int top_sampler_start(struct top_sampler *sampler, const struct source *source,
		      const struct top_request *request, struct error *err);
void top_sampler_stop(struct top_sampler *sampler);

/* Asks for something else from now on; looks at once unless only the interval differs. While paused it does not look. */
void top_sampler_ask(struct top_sampler *sampler, const struct top_request *request);

/* The newest sample that nobody took, or NULL; the caller frees it. */
struct top_sample *top_sampler_take(struct top_sampler *sampler);

/* NULL may be freed. */
void top_sample_free(struct top_sample *sample);

#endif

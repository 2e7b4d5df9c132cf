/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The thread that samples the guest for `pagevisor top`, so that keys never wait for a scan. Its lock covers the
 * request and the hand-over of a sample, never the look itself.
 */
#ifndef VMM_TOP_SAMPLER_H
#define VMM_TOP_SAMPLER_H

#include <pthread.h>

#include "source/source.h"
#include "view/top/top_sample.h"

struct top_sampler {
	struct top_target target; /* used by the thread alone */
	pthread_t thread;
	bool stopping; /* atomic: the walk polls it */
	int ready_fd;  /* an eventfd: readable when there is a sample to take */
	pthread_mutex_t lock;
	/* Under the lock. */
	pthread_cond_t wake;
	struct top_request request;
	bool is_due;               /* look at once: the request has changed */
	struct top_sample *newest; /* not taken yet */
};

/* Returns 0 or a negative errno with one line of text. */
int top_sampler_start(struct top_sampler *sampler, const struct source *source,
		      const struct top_request *request, struct error *err);
void top_sampler_stop(struct top_sampler *sampler);

/* Changes the request. Looks at once unless only the interval differs. Does not look while paused. */
void top_sampler_ask(struct top_sampler *sampler, const struct top_request *request);

/* The newest sample that was not taken yet, or NULL. The caller frees it. */
struct top_sample *top_sampler_take(struct top_sampler *sampler);

/* NULL is allowed. */
void top_sample_free(struct top_sample *sample);

#endif

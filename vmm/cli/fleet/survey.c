/* SPDX-License-Identifier: MPL-2.0 */
/* A look at many VMs at once: see survey.h. */
#include "cli/fleet/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "base/thread.h"
#include "cli/fleet/vm_look.h"
#include "memory/rcu.h"

struct survey_job {
	struct survey_job *next; /* under the survey's lock */
	struct survey *survey;
	pthread_t thread;
	bool has_thread, is_new;
	char key[VM_KEY_SIZE];
	vm_open_function *open;                                               /* of a new VM */
	int (*work)(struct survey *survey, void *context, struct error *err); /* NULL: a VM */
	void *context;

	/* Results. */
	struct attached_vm *vm;
	struct absent_vm absent;
	int look_result;
	struct error look_error;
};

const char *absent_vm_text(const struct absent_vm *absent, struct error *text)
{
	*text = absent->why;
	error_name(text, absent->name);
	return text->text;
}

static void run_job(struct survey_job *job)
{
	struct absent_vm *absent = &job->absent;

	if (job->work)
		absent->result = job->work(job->survey, job->context, &absent->why);
	else if (job->is_new)
		absent->result =
			attached_vm_open(job->key, job->open, job->context, &job->vm, &absent->why);
	if (job->vm)
		job->look_result = vm_look_make(job->vm, job->survey->expression, &job->look_error);
}

static void *job_thread(void *job)
{
	urcu_memb_register_thread();
	run_job(job);
	urcu_memb_unregister_thread();
	return NULL;
}

static struct survey_job *new_job(struct survey *survey, void *context)
{
	struct survey_job *job = calloc(1, sizeof(*job));

	if (job) {
		job->survey = survey;
		job->context = context;
	} else {
		free(context);
	}
	return job;
}

/* Where no more threads can be started, jobs run one after the other. */
static void start(struct survey_job *job)
{
	struct survey *survey = job->survey;
	struct error ignored;

	job->has_thread = thread_start(&job->thread, job_thread, job, &ignored) == 0;
	if (!job->has_thread)
		run_job(job);
	pthread_mutex_lock(&survey->lock);
	if (survey->last)
		survey->last->next = job;
	else
		survey->first = job;
	survey->last = job;
	pthread_mutex_unlock(&survey->lock);
}

void survey_begin(struct survey *survey, struct vm_set *set, const char *expression)
{
	*survey = (struct survey){.set = set, .expression = expression};
	pthread_mutex_init(&survey->lock, NULL);
	for (unsigned i = 0; i < set->count; i++) {
		struct survey_job *job = new_job(survey, NULL);

		if (!job)
			return;
		job->vm = set->vms[i];
		start(job);
	}
}

void survey_attach(struct survey *survey, const char *key, const char *name, uint32_t pid,
		   vm_open_function *open, void *context)
{
	if (vm_set_has(survey->set, key)) {
		free(context);
		return;
	}
	struct survey_job *job = new_job(survey, context);

	if (!job)
		return;
	job->is_new = true;
	job->open = open;
	snprintf(job->key, sizeof(job->key), "%s", key);
	printable_copy(job->absent.name, sizeof(job->absent.name), name);
	job->absent.pid = pid;
	start(job);
}

void survey_run(struct survey *survey,
		int (*work)(struct survey *survey, void *context, struct error *err), void *context)
{
	struct survey_job *job = new_job(survey, context);

	if (!job)
		return;
	job->work = work;
	start(job);
}

void survey_names(struct survey *survey,
		  void (*each)(void *context, const char *name, uint32_t pid), void *context)
{
	for (unsigned i = 0; i < survey->set->count; i++)
		each(context, survey->set->vms[i]->source.name, survey->set->vms[i]->source.pid);
	pthread_mutex_lock(&survey->lock);
	for (struct survey_job *job = survey->first; job; job = job->next)
		if (job->is_new)
			each(context, job->absent.name, job->absent.pid);
	pthread_mutex_unlock(&survey->lock);
}

static bool is_to_be_reported(int result)
{
	return result < 0 && result != -ENOENT && result != -ECONNREFUSED && result != -ENODATA;
}

static void take_results(struct survey_job *job, survey_absent_function *absent, void *context)
{
	if (job->is_new && job->vm)
		job->absent.result = vm_set_add(job->survey->set, job->vm, &job->absent.why);
	if (is_to_be_reported(job->absent.result))
		absent(context, &job->absent);
}

/* A job's own jobs are in the list before it ends, so the end of the list is the end of all. */
int survey_end(struct survey *survey, survey_absent_function *absent, void *context,
	       struct error *err)
{
	int result = 0;

	for (struct survey_job *job = survey->first, *next; job; job = next) {
		if (job->has_thread)
			pthread_join(job->thread, NULL);
		take_results(job, absent, context);
		if (job->look_result < 0) {
			result = job->look_result;
			*err = job->look_error;
		}
		pthread_mutex_lock(&survey->lock);
		next = job->next;
		pthread_mutex_unlock(&survey->lock);
		free(job->context);
		free(job);
	}
	pthread_mutex_destroy(&survey->lock);
	return result;
}

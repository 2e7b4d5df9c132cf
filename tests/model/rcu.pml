/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Grace periods from quiescent states (guest/mm/rcu.c), and what a deferred put makes of them, for Spin.
 *
 * Two CPUs, each in steps for as long as it likes, then at its end, in every interleaving. In a step, which is a
 * read-side section, a CPU finds the published frame without a reference, looks at it again and again, and replaces it:
 * the old frame is put after a grace period, and then the allocator hands it out anew. Between two steps the CPU passes
 * a quiescent state. Each access of a word that both CPUs use is a step of the model; a CPU's own lists are sets.
 * Interleaving is sequentially consistent; README.md says what that leaves out.
 *
 * Each MUTANT_... breaks one rule; ../model.sh wants an error for each.
 */

/* With one frame more, a batch may come due while callbacks of the one before it wait. Only that needs the states. */
#ifdef MUTANT_DUE_OVERWRITTEN
#define FRAMES 4
#else
#define FRAMES 3
#endif
#define NONE   FRAMES /* no frame */
#define ALL    ((1 << FRAMES) - 1)
#define BIT(f) (1 << (f))

/* The sequence has 2^64 values in the code, and here so many that the order of any two in use at a time is clear. */
#define SEQUENCES     8
#define OFFLINE       SEQUENCES /* in seen[]: the CPU has ended */
#define DISTANCE(a, b) (((b) - (a) + SEQUENCES) % SEQUENCES)
#define LAG_MAX       3

byte sequence;
byte seen[2];

/* Frames of deferred puts: queued, in the batch that waits for the grace period of target[], and due. */
byte queued[2];
byte waiting[2];
byte target[2];
byte due[2];

/* What the CPUs share besides: the published frame, and the free ones. */
byte published = 0;
byte free_frames = ALL - 1;

/* Ghost: the frame that a section has found, and whether it was put since. */
byte found[2] = NONE;
bit is_stale[2];

/*
 * Ghost: whether the other CPU has passed a whole quiescent state, or has ended, since this CPU's batch began; whether
 * that CPU is in such a quiescent state.
 */
bit other_passed[2];
bit is_passing[2];
bit ended[2];

#define other (1 - me)

#ifdef MUTANT_CPU_SKIPPED
#define HAS_PASSED(now) 1
#else
#ifdef MUTANT_EARLY
/* One sequence too early. */
#define HAS_PASSED(now) (now == OFFLINE || DISTANCE(now, target[me]) <= 1 || DISTANCE(target[me], now) <= LAG_MAX)
#else
#ifdef MUTANT_END_NOT_SEEN
#define HAS_PASSED(now) (now != OFFLINE && DISTANCE(target[me], now) <= LAG_MAX)
#else
#define HAS_PASSED(now) (now == OFFLINE || DISTANCE(target[me], now) <= LAG_MAX)
#endif
#endif
#endif

/* The end of a grace period for one frame: the put, and the frame's way to the allocator. */
inline put(frame)
{
	assert(!(free_frames & BIT(frame)));
	free_frames = free_frames | BIT(frame);
	is_stale[0] = is_stale[0] || found[0] == frame;
	is_stale[1] = is_stale[1] || found[1] == frame;
}

/* The lowest frame of a set that is not empty. */
#define LOWEST(set) ((set) & 1 -> 0 : ((set) & 2 -> 1 : ((set) & 4 -> 2 : 3)))

/* frame_put_deferred, and the replacement before it. */
inline replace()
{
	if
	:: d_step { free_frames != 0 ->
		new = LOWEST(free_frames);
		free_frames = free_frames & ~BIT(new)
	   };
	   d_step {
		old = published;
		published = new
	   };
	   d_step {
#ifdef MUTANT_JOINS_BATCH
		if
		:: waiting[me] -> waiting[me] = waiting[me] | BIT(old)
		:: else -> queued[me] = queued[me] | BIT(old)
		fi;
#else
		queued[me] = queued[me] | BIT(old);
#endif
		new = 0;
		old = 0
	   }
	:: d_step { free_frames == 0 -> skip }
	fi
}

/* rcu_quiescent_state */
inline quiescent_state()
{
	/* The announcement. */
	d_step {
		now = sequence;
		is_passing[me] = (waiting[other] != 0);
		must_end = other_passed[me] || ended[other]
	};
	d_step {
		seen[me] = now;
		assert(DISTANCE(now, sequence) <= LAG_MAX);
		if
		:: is_passing[me] -> other_passed[other] = 1; is_passing[me] = 0
		:: else
		fi
	};

	/* Has the grace period of the batch ended? */
	if
	:: d_step { waiting[me] != 0 ->
		now = seen[other];
		if
		:: HAS_PASSED(now) ->
#ifdef MUTANT_DUE_OVERWRITTEN
			due[me] = waiting[me];
#else
			due[me] = due[me] | waiting[me];
#endif
			waiting[me] = 0
		:: else ->
			/* Else a batch could wait for ever, whatever the others do. */
			assert(!must_end)
		fi
	   }
	:: d_step { waiting[me] == 0 -> skip }
	fi;

	/* The next batch. */
	if
	:: d_step { waiting[me] == 0 && queued[me] != 0 ->
		waiting[me] = queued[me];
		queued[me] = 0;
#ifndef MUTANT_NO_NEW_SEQUENCE
		sequence = (sequence + 1) % SEQUENCES;
#endif
		target[me] = sequence;
		other_passed[me] = 0;
		is_passing[other] = 0
	   }
	:: d_step { waiting[me] != 0 || queued[me] == 0 -> skip }
	fi;

	/* Callbacks: a bounded number of them. */
	if
	:: d_step { due[me] != 0 ->
		old = LOWEST(due[me]);
		due[me] = due[me] & ~BIT(old);
		put(old);
		old = 0
	   }
	:: d_step { due[me] == 0 -> skip }
	fi;
	d_step { now = 0; must_end = 0 }
}

proctype cpu(bit me)
{
	byte now, old, new;
	bit must_end;

	do
	:: /* A step of a workload. */
	   do
	   :: d_step { found[me] == NONE -> found[me] = published }
	   :: d_step { found[me] != NONE -> assert(!is_stale[me]) }
	   :: replace()
#ifdef MUTANT_QUIESCENT_IN_SECTION
	   :: quiescent_state()
#endif
	   :: d_step { true -> found[me] = NONE; is_stale[me] = 0 }; break
	   od;
	   quiescent_state()
	:: d_step { true -> seen[me] = OFFLINE; ended[me] = 1 }; break
	od
}

/* rcu_finish: no section is left, so nothing waits. */
proctype finish()
{
	byte cpu_number, frame;

	ended[0] && ended[1];
	do
	:: d_step { cpu_number < 2 ->
		frame = 0;
		do
		:: frame < FRAMES ->
			if
			:: (queued[cpu_number] | waiting[cpu_number] | due[cpu_number]) & BIT(frame) ->
				put(frame)
			:: else
			fi;
			frame++
		:: else -> break
		od;
		queued[cpu_number] = 0;
		waiting[cpu_number] = 0;
		due[cpu_number] = 0;
#ifdef MUTANT_ONE_CPU_FINISHED
		cpu_number++;
#endif
		cpu_number++
	   }
	:: d_step { cpu_number >= 2 -> assert((free_frames | BIT(published)) == ALL) }; break
	od
}

init
{
	atomic { run cpu(0); run cpu(1); run finish() }
}

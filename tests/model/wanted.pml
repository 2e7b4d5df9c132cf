/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How a guest that has run out of memory and the keeper, who holds some of it, come together: the words of
 * include/pagevisor/keeper.h, for Spin. Two guest CPUs and a keeper, in every interleaving.
 *
 * Sequentially consistent, but for the keeper's store to `answered`, which stays in a store buffer until the keeper's
 * next load of `asked`, as on x86 without the fence that seq_cst means. A critical section of the allocator's lock is one
 * step if it makes one access of what others write without the lock; the section that reads hints is several.
 *
 * A CPU holds one frame at most, and there are as many frames as CPUs, so there is always a frame for whoever waits. So an
 * allocation that is refused while there is a keeper is an error, and so is a CPU that waits for ever: an end that Spin
 * finds invalid.
 *
 * Configurations, each searched by itself, for together they have too many states:
 *   POLLING   no device behind the bell: the keeper polls
 *   HINTED    a ring of two hints, so that it overflows
 *   STUCK     the keeper may hang, so that waiting times out, and may come back
 *   LEAVES    the keeper may leave, and take what it holds with it
 *   COMES     there is a keeper only while it holds something: it says so before it claims, and gives everything back
 *             before it says that it has gone. So nobody is refused at all
 *   HANDFUL   as COMES, and a CPU that meets a frame of the host's takes all that are listed into its hand with it, to put
 *             them aside together: more than it needs. It says so (`hands`) before it takes them, and afterwards
 */
#ifdef HANDFUL
#define COMES
#endif
#define FRAMES 2
#ifndef OPS
#define OPS 2 /* allocations of one CPU */
#endif
#ifndef OPS_OTHER
#define OPS_OTHER 1
#endif
#ifndef CLAIMS
#define CLAIMS 2 /* frames that the keeper takes in all */
#endif
#define TRIES 2 /* asks of one allocation: as many as CPUs */

/* States of a slot. */
#define UNUSED 0
#define HOST   1
#define BUSY   2 /* a guest's */

/* Places in the allocator. */
#define LISTED 0
#define PARKED 1
#define HAND   2 /* of a CPU that has popped it and does not know whose it is */

#define NONE FRAMES

#ifdef HANDFUL
byte hands; /* CPUs that have taken more than they need */
#define HANDS_ARE_EMPTY (hands == 0)
#else
#define HANDS_ARE_EMPTY true
#endif

byte state[FRAMES];
byte place[FRAMES];

/* Of the pool, under its lock. */
byte seen;          /* `released` as it was before the last complete walk */
byte walks;         /* that have ended */
bit walking;
byte walk_released; /* of the walk that goes on */
bit to_do[FRAMES];  /* what it has not looked at */

/* The guest's words. */
byte waiting, asked;

/* The keeper's, as the guest sees them. */
byte released, answered;
#ifdef COMES
bit keeper;
#else
bit keeper = 1;
#endif
byte answered_stored; /* newer than `answered` while it is in the store buffer */
bit bell;             /* an eventfd: it stays rung */

#ifdef HINTED
#define RING 2
#ifdef MUTANT_NEXT_HINT_TRUSTED
#define FITS(head) ((head) - hint_seen <= RING)
#else
#define FITS(head) ((head) - hint_seen < RING) /* the next one may be being written over the oldest */
#endif
bit lock;
byte hint_head, hint_seen, hints[RING];
#define UNLOCKED !lock
#else
#define UNLOCKED true
#endif

#ifdef STUCK
byte gave_up;
bit is_stuck;
bit outage; /* ghost: somebody has waited in vain, and there was no answer since */
#define KEEPER_WORKS !is_stuck
#else
#define KEEPER_WORKS true
#endif

/* A frame from the list. */
inline pop()
{
	d_step { UNLOCKED ->
		f = 0;
		do
		:: f < FRAMES && place[f] != LISTED -> f++
		:: f < FRAMES && place[f] == LISTED -> place[f] = HAND; break
		:: f == FRAMES -> break
		od
	}
}

/* frame_pool_put_aside. */
inline put_aside()
{
	d_step { UNLOCKED ->
#ifdef MUTANT_PARKED_BLINDLY
		place[f] = PARKED;
#else
		place[f] = (state[f] == HOST -> PARKED : LISTED);
#endif
		f = 0
	}
}

#ifdef HANDFUL
/* take_host_frames, and the putting aside of all: each part is a section. A CPU that has none in its hand takes none. */
inline take_handful()
{
	d_step { UNLOCKED ->
#ifndef MUTANT_HANDS_UNSAID
		hands++;
#endif
		mine = NONE;
		for (x : 0 .. FRAMES - 1) {
			if
			:: place[x] == LISTED && state[x] == HOST -> place[x] = HAND; mine = x
			:: else
			fi
		}
		x = 0
	}
}

inline put_handful_aside()
{
	d_step { UNLOCKED ->
		if
		:: mine < NONE -> place[mine] = (state[mine] == HOST -> PARKED : LISTED)
		:: else
		fi;
		mine = 0
	};
#ifndef MUTANT_HANDS_UNSAID
	hands--
#else
	skip
#endif
}
#endif

/* begin_walk, if none goes on; then a part of one frame: two sections, where the code has one. */
inline walk_part()
{
	d_step { UNLOCKED ->
		if
		:: !walking && released != seen ->
			walking = 1;
			walk_released = released;
			for (f : 0 .. FRAMES - 1) {
				to_do[f] = (place[f] == PARKED)
			}
#ifdef HINTED
			hint_seen = hint_head; /* older than what the walk looks at */
#endif
		:: else
		fi;
		f = 0
	};
	d_step { UNLOCKED ->
		if
		:: walking ->
			f = (to_do[0] -> 0 : (to_do[1] -> 1 : NONE));
			if
			:: f < NONE ->
				to_do[f] = 0;
				if
				:: place[f] == PARKED && state[f] != HOST -> place[f] = LISTED
				:: else
				fi
			:: else ->
				walking = 0;
				walks++;
				seen = walk_released
			fi
		:: else
		fi;
		f = 0
	}
}

#ifdef HINTED
/* One section: if all releases since the last look were hinted, what the hints name. */
inline take_hints()
{
	d_step { UNLOCKED -> lock = 1 };
	b = released;
	h = hint_head;
	if
	:: !FITS(h) -> /* a walk */
	:: FITS(h) ->
		if
		:: h != hint_seen -> x = hints[hint_seen % RING]
		:: else -> x = NONE
		fi;
		if
		:: FITS(hint_head) ->
			if
			:: x != NONE && place[x] == PARKED && state[x] != HOST -> place[x] = LISTED
			:: else
			fi;
			hint_seen = h;
			if
			:: !walking -> seen = b
			:: else
			fi
		:: else
		fi
	fi;
	d_step { b = 0; h = 0; x = 0; lock = 0 }
}
#endif

proctype cpu(byte ops_left)
{
	byte f, r, v, w, t, tries; /* r: `released` before the last attempt that this allocation knows of */
	byte s;
	bit last, walked, settled;
#ifdef HANDFUL
	byte mine, x;
#endif
#ifdef HINTED
	byte b, h, x;
#endif

	do
	:: ops_left == 0 -> break
	:: ops_left > 0 ->
again:
		walked = 0;
look:
		pop();
		if
		:: f < NONE ->
			/* slot_claim_begin: a load, then a compare-and-swap. */
			s = state[f];
			if
			:: s == UNUSED ->
				d_step {
					s = state[f];
					if
					:: s == UNUSED -> state[f] = BUSY
					:: else -> assert(s == HOST)
					fi
				}
			:: else -> assert(s == HOST)
			fi;
			if
			:: s == UNUSED -> goto got
			:: else
			fi;
#ifdef HANDFUL
			take_handful();
			put_aside();
			put_handful_aside();
#else
			put_aside();
#endif
			goto again
		:: else
		fi;
		f = 0;
		if
		:: !walked ->
			/* frame_parked_walk_all; what was parked is looked for once more behind it. */
			v = released;
			w = walks;
#ifdef HINTED
			take_hints();
#endif
			do
			:: released != seen && seen != v && walks - w < 2 -> walk_part()
			:: !(released != seen && seen != v && walks - w < 2) -> break
			od;
			w = 0;
			v = 0;
			walked = 1;
			goto look
		:: else
		fi;
		/* Nothing. */
		if
		:: last ->
			/* The ask was answered, and then everything was looked at: it is over. */
			d_step { t = 0; last = 0 };
#ifdef MUTANT_WAITING_HAS_A_GAP
			waiting--
#endif
		:: else
		fi;
		if
		:: !keeper ->
#ifdef MUTANT_LEAVING_IS_THE_END
			goto refused
#else
			/*
			 * It may have given everything back since the attempt, and some of that may be in other
			 * CPUs' hands: another one, which begins when they have put it down. `released` is loaded
			 * first, so a hand that is taken up later has none of that.
			 */
			v = released;
			if
			:: v == r && (settled || v == 0) -> v = 0; goto refused
			:: else ->
				r = v;
				v = 0;
#ifndef MUTANT_HANDS_NOT_WAITED_FOR
				HANDS_ARE_EMPTY;
#endif
				settled = 1;
				goto again
			fi
#endif
		:: keeper
		fi;
		if
		:: t == 0 && tries == TRIES ->
			/* The asks are used up. What they were given may all have been in others' hands. */
			if
			:: settled ->
				assert(!keeper);
				goto refused
			:: !settled ->
#ifndef MUTANT_HANDS_NOT_WAITED_FOR
				HANDS_ARE_EMPTY;
#endif
				settled = 1;
				goto again
			fi
		:: t == 0 && tries < TRIES ->
			if
			:: tries == 0 -> r = released
			:: else
			fi;
#ifdef MUTANT_WAITING_HAS_A_GAP
			waiting++;
#else
			if
			:: tries == 0 -> waiting++
			:: else
			fi;
#endif
			tries++;
			settled = 0;
			d_step { asked++; t = asked };
#ifdef MUTANT_BELL_RINGS_ONCE
			if
			:: t == 1 -> bell = 1
			:: else
			fi
#else
			if
			:: answered == t - 1 -> bell = 1 /* the first since the last answer rings */
			:: else                          /* somebody else has or will */
			fi
#endif
		:: else /* woken by a release: the ask goes on */
		fi;
#ifdef STUCK
		d_step {
			assert(!outage || gave_up > answered);
			s = (gave_up > answered)
		};
		if
		:: s -> s = 0; goto refused
		:: else
		fi;
#endif
		/* Time-outs are far longer than an answer takes, so they come only if the keeper hangs. */
		if
		:: released != r
#ifndef MUTANT_WAITS_FOR_A_RELEASE
		:: answered >= t
#endif
#ifndef MUTANT_LEAVING_UNSEEN
		:: !keeper
#endif
#ifdef STUCK
		:: d_step { is_stuck && answered < t ->
#ifndef MUTANT_GIVING_UP_UNSAID
				gave_up = (t > gave_up -> t : gave_up);
#endif
				outage = 1
			};
			goto refused
#endif
		fi;
#ifdef MUTANT_ANY_WAKE_IS_AN_ANSWER
		last = 1;
#else
		last = (answered >= t);
#endif
		r = released;
		goto again;
got:
		if
#ifdef MUTANT_WAITING_HAS_A_GAP
		:: t != 0 -> waiting--
#else
		:: tries != 0 -> waiting--
#endif
		:: else
		fi;
		d_step { tries = 0; t = 0; last = 0; r = 0; s = 0; settled = 0 };
		/* Used, and freed: the slot before the list. */
		state[f] = UNUSED;
		d_step { UNLOCKED -> place[f] = LISTED; f = 0; ops_left-- };
		goto ended;
refused:
#ifdef COMES
		assert(false);
#endif
		if
#ifdef MUTANT_WAITING_HAS_A_GAP
		:: t != 0 -> waiting--
#else
		:: tries != 0 -> waiting--
#endif
		:: else
		fi;
		d_step { tries = 0; t = 0; last = 0; r = 0; settled = 0; ops_left-- };
ended:
		skip
	od
}

/* Batches of one frame. */
inline release_frame()
{
#ifdef MUTANT_RELEASED_FIRST
	released++;
	state[f] = UNUSED;
#else
	state[f] = UNUSED;
#ifdef HINTED
	hints[hint_head % RING] = f;
	hint_head++;
	released++;
#else
	released++;
#endif
#endif
}

/* So many frames as there are asks, at least; those that are not HOST any more are no matter. */
inline release_some()
{
	f = 0;
	do
	:: f < FRAMES && n > 0 && state[f] == HOST ->
		release_frame();
		n--;
		f++
	:: f < FRAMES && n > 0 && state[f] != HOST -> f++
	:: !(f < FRAMES && n > 0) -> break
	od;
	f = 0
}

inline answer()
{
	answered_stored = a;
#ifndef MUTANT_ANSWER_NOT_FENCED
	d_step {
		answered = a;
#ifdef STUCK
		outage = (outage && gave_up > answered)
#endif
	}
#endif
}

proctype host()
{
	byte claims, f, a, n;

end:	do
	/* A sweep. Nothing is taken while anybody waits. */
#ifdef MUTANT_TAKES_WHILE_ASKED
	:: KEEPER_WORKS && claims < CLAIMS ->
#else
	:: KEEPER_WORKS && claims < CLAIMS && waiting == 0 ->
#endif
		if
		:: f = 0
		:: f = 1
		fi;
#if defined(COMES) && !defined(MUTANT_CLAIMS_UNSAID)
		keeper = 1;
#endif
		d_step {
			if
			:: state[f] == UNUSED -> state[f] = HOST; claims++
			:: else
			fi;
			f = 0
		};
#ifdef MUTANT_CLAIMS_UNSAID
		keeper = 1
#endif
#ifdef POLLING
#ifndef MUTANT_NOT_POLLING
	:: KEEPER_WORKS && asked != answered_stored ->
		goto serve
#endif
#else
	:: KEEPER_WORKS && bell ->
		bell = 0;
		goto serve
#endif
#ifdef STUCK
	:: is_stuck = 1;
#ifdef MUTANT_COMES_BACK_ANSWERING
		a = asked;
		answer();
#endif
		is_stuck = 0;
		bell = 1 /* whoever comes back looks first */
#endif
#ifdef LEAVES
	:: keeper = 0;
		break
#endif
#ifdef COMES
	:: keeper ->
#ifdef MUTANT_GONE_BEFORE_IT_GAVE
		keeper = 0;
		n = FRAMES;
		release_some()
#else
		n = FRAMES;
		release_some();
		keeper = 0
#endif
#endif
	od;
	goto gone;
serve:
	a = asked;
	if
	:: a != answered_stored ->
		n = a - answered_stored;
#ifdef MUTANT_ANSWERS_FIRST
		answer();
		release_some();
#else
		release_some();
		answer();
#endif
		d_step { a = 0; n = 0 };
#ifdef MUTANT_NO_SECOND_LOOK
		goto end
#else
		goto serve
#endif
	:: else ->
		a = 0;
		goto end
	fi;
gone:
	skip
}

/* The store buffer drains when it likes. */
proctype buffer()
{
end:	do
	:: d_step { answered_stored != answered -> answered = answered_stored }
	od
}

init
{
	atomic {
		run cpu(OPS);
		run cpu(OPS_OTHER);
		run host();
#ifdef MUTANT_ANSWER_NOT_FENCED
		run buffer();
#endif
	}
}

/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How a guest that has run out of memory and the keeper, who holds some of it, come together: the words of
 * include/pagevisor/keeper.h, for Spin. Two guest CPUs and a keeper, in every interleaving.
 *
 * Sequentially consistent, but for the keeper's store to `answered`, which stays in a store buffer until the keeper's
 * next load of `asked`, as on x86 without the fence that seq_cst means. One d_step is one atomic access of
 * pagemeta/frame_ask.c, pagemeta/frame_parked.c or vmm/manage/keeper_words.c, with the private work after it; where it is
 * several accesses, it says so. A critical section of the allocator's lock is one step if it makes one access of what
 * others write without the lock; otherwise the lock is held across its steps. Each such step is a line of the trace:
 * README.md says what it has.
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
 *             them aside together: more than it needs. It says so (`hands`) before it looks at them
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

#define NONE       FRAMES
#define ASKS_HINTS (FRAMES + 1)

/* Accesses, as a trace names them: a CPU's, then the keeper's. */
mtype = { pop_frame, load_state, cas_state, park, load_released, load_walks, load_stale, lock_pool,
	  look_at, load_head, load_hint, load_keeper, add_waiting, sub_waiting, add_asked,
	  load_answered, ring, load_gave_up, wake, time_out, take_more, sub_hands,
	  load_hands, reset_state, list_frame, refuse };
mtype = { load_waiting, claim, store_keeper, hear, load_asked, release_slot, store_hint, store_head,
	  store_released, store_answered, come_back };

#ifdef HANDFUL
byte hands; /* CPUs that have taken more than they need */
#define HANDS_ARE_EMPTY (hands == 0)
#else
#define HANDS_ARE_EMPTY 1
#endif

byte state[FRAMES];
byte place[FRAMES];
bit newest; /* of the parked frames, if both are: walks begin with it */
bit lock;   /* of the pool; held across steps */

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
byte hint_head, hint_seen, hints[RING];
#endif

#ifdef STUCK
byte gave_up;
bit is_stuck;
bit outage; /* ghost: somebody has waited in vain, and there was no answer since */
#define KEEPER_WORKS !is_stuck
#define GAVE_UP      gave_up
#else
#define KEEPER_WORKS true
#define GAVE_UP      0
#endif

/* One line of the trace: actor, access and its frame, and the state after them. */
#define say(access)                                                                                \
	printf("@ %d %e %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d\n", _pid, access, f, waiting,     \
	       asked, answered, released, keeper, GAVE_UP, bell, seen, walking, state[0], place[0], \
	       state[1], place[1], !HANDS_ARE_EMPTY)

#define step(access, statements) d_step { statements; say(access) }
#define when(condition, access)  d_step { condition -> say(access) }

/* A frame from the list. */
inline pop()
{
	d_step { !lock ->
		f = 0;
		do
		:: f < FRAMES && place[f] != LISTED -> f++
		:: f < FRAMES && place[f] == LISTED -> place[f] = HAND; break
		:: f == FRAMES -> break
		od;
		say(pop_frame)
	}
}

/* frame_pool_put_aside. */
inline put_aside()
{
	d_step { !lock ->
#ifdef MUTANT_PARKED_BLINDLY
		place[f] = PARKED;
#else
		place[f] = (state[f] == HOST -> PARKED : LISTED);
#endif
		newest = (place[f] == PARKED -> f : newest);
		say(park);
		f = 0
	}
}

#ifdef HANDFUL
/* take_host_frames: a section of two accesses, of `hands` and of the other frame's state. */
inline take_handful()
{
	d_step { !lock ->
		mine = (place[1 - f] == LISTED -> 1 - f : NONE);
		if
		:: mine < NONE ->
			lock = 1;
#if !defined(MUTANT_HANDS_UNSAID) && !defined(MUTANT_HANDS_SAID_LATE)
			hands++
#endif
		:: else
		fi;
		say(take_more)
	};
	if
	:: mine < NONE ->
		step(look_at, s = state[mine]; place[mine] = (s == HOST -> HAND : LISTED));
#ifdef MUTANT_HANDS_SAID_LATE
		hands++;
#endif
		if
		:: s == HOST -> lock = 0
		:: else ->
			mine = NONE;
#ifdef MUTANT_HANDS_UNSAID
			lock = 0
#else
			step(sub_hands, hands--; lock = 0)
#endif
		fi
	:: else
	fi
}

/* The rest of it, in a section of its own. */
inline put_handful_aside()
{
	if
	:: mine < NONE ->
		f = mine;
		put_aside();
#ifndef MUTANT_HANDS_UNSAID
		step(sub_hands, hands--)
#endif
	:: else
	fi;
	mine = 0
}
#endif

/* Two loads, of `released` and of the head of the hints. */
inline begin_walk()
{
	walking = 1;
	walk_released = released;
	to_do[0] = (place[0] == PARKED);
	to_do[1] = (place[1] == PARKED);
#ifdef HINTED
	hint_seen = hint_head /* older than what the walk looks at */
#endif
}

inline end_walk()
{
	walking = 0;
	walks++;
	seen = walk_released;
	lock = 0
}

/* What a walk looks at next. If there is nothing, it is over. */
inline next_to_do()
{
	f = (to_do[newest] -> newest : (to_do[1 - newest] -> 1 - newest : NONE));
	if
	:: f == NONE -> end_walk()
	:: else
	fi
}

/* frame_pool_unpark with a limit of one frame: a section. */
inline walk_part()
{
#ifdef TRACES
	f = NONE; /* in simulations a d_step that blocks must not follow another */
#endif
	/* Locks, and loads `released`; without hints it begins a walk, if none goes on. */
	d_step { !lock ->
		f = NONE;
		if
		:: released != seen ->
			lock = 1;
#ifdef HINTED
			if
			:: walking -> next_to_do()
			:: else -> f = ASKS_HINTS
			fi
#else
			if
			:: !walking -> begin_walk()
			:: else
			fi;
			next_to_do()
#endif
		:: else
		fi;
		say(lock_pool)
	};
#ifdef HINTED
	if
	:: f == ASKS_HINTS -> take_hints()
	:: else
	fi;
#endif
	if
	:: f < NONE ->
		d_step {
			to_do[f] = 0;
			if
			:: state[f] != HOST -> place[f] = LISTED
			:: else
			fi;
			if
			:: to_do[1 - f] -> lock = 0
			:: else -> end_walk()
			fi;
			say(look_at);
			f = 0
		}
	:: else -> f = 0
	fi
}

#ifdef HINTED
/* If all releases since the last look were hinted, what the hints name. If not, a walk begins. */
inline take_hints()
{
	step(load_released, b = released);
	step(load_head, h = hint_head);
	if
	:: FITS(h) ->
		if
		:: h != hint_seen ->
			step(load_hint, x = hints[hint_seen % RING]);
			if
			:: place[x] == PARKED ->
				d_step {
					if
					:: state[x] != HOST -> place[x] = LISTED
					:: else
					fi;
					say(look_at)
				}
			:: else
			fi
		:: else
		fi;
		d_step {
			if
			:: FITS(hint_head) ->
				hint_seen = (h != hint_seen -> hint_seen + 1 : h);
				if
				:: hint_seen == h ->
					seen = b;
					walks++
				:: else
				fi;
				lock = 0;
				f = NONE
			:: else
			fi;
			say(load_head)
		}
	:: else
	fi;
	if
	:: f == ASKS_HINTS ->
		d_step {
			begin_walk();
			next_to_do();
			say(load_released)
		}
	:: else
	fi;
	d_step { b = 0; h = 0; x = 0 }
}
#endif

proctype cpu(byte ops_left)
{
	byte f, r, v, w, t, tries; /* r: `released` before the last attempt that this allocation knows of */
	byte s;
	bit last, walked, gone, settled;
#ifdef HANDFUL
	byte mine;
#endif
#ifdef HINTED
	byte b, h, x;
#endif

	do
	:: ops_left == 0 -> break
	:: ops_left > 0 ->
again:
		walked = 0;
		s = 0;
look:
		pop();
		if
		:: f < NONE ->
			/* slot_claim_begin: a load, then a compare-and-swap. */
			step(load_state, s = state[f]);
			if
			:: s == UNUSED ->
				d_step {
					s = state[f];
					if
					:: s == UNUSED -> state[f] = BUSY
					:: else -> assert(s == HOST)
					fi;
					say(cas_state)
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
			step(load_released, v = released);
			step(load_walks, w = walks);
			do
			/* Up to four loads. */
			:: when(released != seen && seen != v && walks - w < 2, load_stale) -> walk_part()
			:: when(!(released != seen && seen != v && walks - w < 2), load_stale) -> break
			od;
			w = 0;
			v = 0;
			walked = 1;
			goto look
		:: else
		fi;
		/* Nothing: frame_ask_again. */
		if
		:: when(!keeper, load_keeper) ->
#ifdef MUTANT_LEAVING_IS_THE_END
			goto refused
#else
			/*
			 * It may have given everything back since the attempt, and some of that may be in other
			 * CPUs' hands: another one, which begins when they have put it down. `released` is loaded
			 * first, so a hand that is taken up later has none of that.
			 */
			step(load_released, s = (released != r); r = released);
			if
			:: !s && !settled -> step(load_released, s = (released != 0))
			:: else
			fi;
			if
			:: s -> goto settle
			:: else -> goto refused
			fi
#endif
		:: when(keeper, load_keeper)
		fi;
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
		:: t == 0 && tries == TRIES ->
			/* The asks are used up. What they were given may all have been in others' hands. */
			if
			:: !settled -> step(load_released, s = (released != 0))
			:: else
			fi;
			if
			:: s -> goto settle
			:: else ->
				assert(!keeper);
				goto refused
			fi
		:: t == 0 && tries < TRIES ->
#ifdef MUTANT_WAITING_HAS_A_GAP
			waiting++;
#endif
			if
			:: tries == 0 ->
#ifndef MUTANT_WAITING_HAS_A_GAP
				step(add_waiting, waiting++);
#endif
				step(load_released, r = released)
			:: else
			fi;
			step(add_asked, tries++; settled = 0; asked++; t = asked);
#ifdef MUTANT_BELL_RINGS_ONCE
			if
			:: t == 1 -> bell = 1
			:: else
			fi
#else
			if
			/* The first since the last answer rings; otherwise somebody else has or will. */
			:: when(answered == t - 1, load_answered) -> step(ring, bell = 1)
			:: when(answered != t - 1, load_answered)
			fi
#endif
		:: else /* woken by a release: the ask goes on */
		fi;
#ifdef STUCK
		/* Three loads. */
		d_step {
			assert(!outage || gave_up > answered);
			s = (gave_up > answered);
			say(load_gave_up)
		};
		if
		:: s -> s = 0; goto refused
		:: else
		fi;
#endif
turn:
		/* One turn of wait_for_keeper. */
		if
#if defined(LEAVES) || defined(COMES)
		:: step(load_keeper, gone = !keeper) -> step(load_answered, last = (answered >= t))
#else
		/* Two loads; `keeper` is constant. */
		:: d_step {
				gone = !keeper;
				say(load_keeper);
				last = (answered >= t);
				say(load_answered)
			}
#endif
		fi;
		d_step {
			s = (released != r);
			r = released;
#ifndef MUTANT_WAITS_FOR_A_RELEASE
			s = (s || last);
#endif
#ifndef MUTANT_LEAVING_UNSEEN
			s = (s || gone);
#endif
			gone = 0;
			say(load_released)
		};
		if
		:: !s ->
			/*
			 * Turns that find nothing change nothing, so there are none: an end in which somebody waits is
			 * invalid. Time-outs are far longer than an answer takes, so they come only if the keeper hangs.
			 */
			if
			:: when(released != r, wake)
#ifndef MUTANT_WAITS_FOR_A_RELEASE
			:: when(answered >= t, wake)
#endif
#ifndef MUTANT_LEAVING_UNSEEN
			:: when(!keeper, wake)
#endif
#ifdef STUCK
			:: d_step { is_stuck && answered < t ->
#ifndef MUTANT_GIVING_UP_UNSAID
					/* Loads and a compare-and-swap, until it succeeds. */
					gave_up = (t > gave_up -> t : gave_up);
#endif
					outage = 1;
					say(time_out)
				};
				goto refused
#endif
			fi;
			goto turn
		:: else
		fi;
#ifdef MUTANT_ANY_WAKE_IS_AN_ANSWER
		last = 1;
#endif
		goto again;
settle:
		/* Turns that find a handful change nothing. */
		if
#ifdef MUTANT_HANDS_NOT_WAITED_FOR
		:: step(load_hands, settled = 1)
#else
		:: d_step { HANDS_ARE_EMPTY -> settled = 1; say(load_hands) }
#endif
		fi;
#ifdef AIM
		assert(!(tries == TRIES && keeper)); /* no error: a random walk hardly ever comes here */
#endif
		goto again;
got:
		if
#ifdef MUTANT_WAITING_HAS_A_GAP
		:: t != 0 -> waiting--
#else
		:: tries != 0 -> step(sub_waiting, waiting--)
#endif
		:: else
		fi;
		d_step { tries = 0; t = 0; last = 0; r = 0; s = 0; settled = 0 };
		/* Used, and freed: the slot before the list. */
		step(reset_state, state[f] = UNUSED);
#ifdef TRACES
		s = 0;
#endif
		d_step { !lock ->
			place[f] = LISTED;
			say(list_frame);
			f = 0;
			ops_left--
		};
		goto ended;
refused:
#ifdef COMES
		assert(false);
#endif
		if
#ifdef MUTANT_WAITING_HAS_A_GAP
		:: t != 0 -> waiting--
#else
		:: tries != 0 -> step(sub_waiting, waiting--)
#endif
		:: else
		fi;
		d_step {
			tries = 0;
			t = 0;
			last = 0;
			r = 0;
			settled = 0;
			ops_left--;
			say(refuse)
		};
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
	step(release_slot, state[f] = UNUSED);
#ifdef HINTED
	step(store_hint, hints[hint_head % RING] = f);
	step(store_head, hint_head++);
#endif
	step(store_released, released++);
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
		outage = (outage && gave_up > answered);
#endif
		say(store_answered)
	}
#endif
}

proctype host()
{
	byte claims, f, a, n;

end:	do
	/* A sweep. Nothing is taken while anybody waits. */
#ifdef MUTANT_TAKES_WHILE_ASKED
	:: when(KEEPER_WORKS && claims < CLAIMS, load_waiting) ->
#else
	:: when(KEEPER_WORKS && claims < CLAIMS && waiting == 0, load_waiting) ->
#endif
		if
		:: f = 0
		:: f = 1
		fi;
#if defined(COMES) && !defined(MUTANT_CLAIMS_UNSAID)
		step(store_keeper, keeper = 1);
#endif
		/* A load and a compare-and-swap. */
		d_step {
			if
			:: state[f] == UNUSED -> state[f] = HOST; claims++
			:: else
			fi;
			say(claim);
			f = 0
		};
#ifdef MUTANT_CLAIMS_UNSAID
		keeper = 1
#endif
#ifdef POLLING
#ifndef MUTANT_NOT_POLLING
	:: when(KEEPER_WORKS && asked != answered_stored, load_asked) -> goto serve
#endif
#else
	:: d_step { KEEPER_WORKS && bell -> bell = 0; say(hear) };
		goto serve
#endif
#ifdef STUCK
	:: is_stuck = 1;
#ifdef MUTANT_COMES_BACK_ANSWERING
		a = asked;
		answer();
#endif
		is_stuck = 0;
		step(come_back, bell = 1) /* whoever comes back looks first */
#endif
#ifdef LEAVES
	:: step(store_keeper, keeper = 0);
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
		step(store_keeper, keeper = 0)
#endif
#endif
	od;
	goto gone;
serve:
	if
	:: step(load_asked, a = asked)
	fi;
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

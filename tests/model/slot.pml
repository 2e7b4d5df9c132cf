/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The state protocol of one metadata slot, and its frame's way back to the allocator, for Spin.
 *
 * Two guest CPUs, the host and an outside reader at level 2, each for ever, in every interleaving. One d_step is one
 * atomic access of pagemeta/slot.h, pagemeta/frame_put.h or vmm/kind/pagevisor/slot_reader.h, with the private work after
 * it: a load and the following compare-and-swap are two steps. Compare-and-swap never fails spuriously: a weak one that
 * does so reloads the same value and is where it was. Interleaving is sequentially consistent; README.md says what that
 * leaves out.
 *
 * The assertions are about ghost variables. No step depends on them, except for the reader's bound. The rules that
 * mutants break are in mutants.pml.
 */

#define GENS 4 /* values of the generation, of which the code has 2^32 */

/* Reference counts: BUSY, 1 .. HELD_MAX, and the special ones. */
#define BUSY     0
#define HELD_MAX 7 /* full: more than all holders take, so it must never occur */
#define ILLEGAL  8
#define UNIQUE   9
#define HOST     10
#define UNUSED   11

/* The state word: the count is above the generation, so that get and put add and subtract REF_ONE. */
#define REF_ONE       GENS
#define WORD(g, r)    ((r) * GENS + (g))
#define GEN(word)     ((word) % GENS)
#define REFS(word)    ((word) / GENS)
#define SAME(word, r) WORD(GEN(word), r)
#define NEXT(word, r) WORD((GEN(word) + 1) % GENS, r)
#define SHARED(word)  (REFS(word) >= 1 && REFS(word) <= HELD_MAX)
#define IN_USE(word)  (SHARED(word) || REFS(word) == UNIQUE)

#define HELD_BY_CPU 3 /* references that one CPU takes at most */

/* Operations, then accesses, as a trace names them. */
mtype = { alloc_shared, alloc_unique, try_get, get, put, change, share, unshare, unique_drop,
	  unique_reset, claim_shared, claim_unique, give, host_claim, host_release, slot_read };
mtype = { pop, park, load, cas, add, sub, store, word0, word1, vtable, on_drop, list };

/* Where an actor is: the next access it makes. */
mtype:place = { idle, try_get_load, try_get_cas, pop_frame, claim_load, claim_cas, claim_word0,
		claim_word1, publish_store, park_frame, put_store, drop_call,
		reset_store, release_word0, release_list, change_store, share_store,
		unshare_cas, unique_drop_store, resetting_store, vtable_store, unused_store, host_cas, release_cas, read_word0, read_word1,
		read_again };

byte state = WORD(0, UNUSED);

/*
 * The two metadata words that belong together carry a stamp of the incarnation that wrote them. Only one property of a
 * stamp matters, whether it is the current incarnation's, so only that bit is kept.
 */
bit stamp0, stamp1;

/* The frame's place in the allocator. */
#define TAKEN  0
#define LISTED 1
#define PARKED 2
byte frame = LISTED;

/* Ghost: the owner of the frame, by the steps that took and released it, and the number of references held. */
#define NOBODY   0
#define GUEST    1
#define THE_HOST 2
byte owner = NOBODY;
byte holders;

/* Ghost: the number of actors, CPUs and the host, that hold or control the frame or are inside an operation. */
byte active_actors;

/*
 * Ghost: during a read, whether the slot is still in the incarnation that its first load saw, and how often the
 * generation has moved since.
 */
bit reading, same_incarnation;
byte bumps;

/*
 * One line of the trace: actor, operation and access, and the state after them: generation, count, the frame's place,
 * and whether the operation is DONE, has FAILED or has MORE to do.
 */
#define MORE   0
#define DONE   1
#define FAILED 2
#define say(access, end)                                                                           \
	printf("@ %d %e %e %d %d %d %d\n", _pid, op, access, GEN(state), REFS(state), frame, end)

inline generation_moved()
{
	if
	:: reading && bumps < GENS -> bumps++
	:: else
	fi
}

/* From here on a new owner, or the unique one anew, writes the words. */
inline new_incarnation()
{
	stamp0 = 0;
	stamp1 = 0;
	same_incarnation = 0;
	generation_moved()
}

/* Invariants of every state that is written. */
inline check_state()
{
	assert(REFS(state) < HELD_MAX || REFS(state) > ILLEGAL);
	assert(!SHARED(state) || owner == GUEST && holders == REFS(state));
	assert(REFS(state) != UNIQUE || owner == GUEST && holders == 1);
	assert(REFS(state) != HOST || owner == THE_HOST);
	assert(!IN_USE(state) || frame == TAKEN)
}

/* A host or CPU that holds nothing begins an operation. */
#define begin(operation) op = operation; active_actors++

/*
 * The operation ends with nothing held. When this holds for all actors, the frame must be the allocator's and its slot
 * reset.
 */
inline leave()
{
	active_actors--;
	if
	:: active_actors == 0 ->
		assert(frame != TAKEN);
		assert(REFS(state) == UNUSED && owner == NOBODY)
	:: else
	fi
}

/* The end of an operation of a CPU. Clears what it no longer needs, to have fewer states. */
inline finish()
{
	old = 0;
	op = get;
	pc = idle;
	if
	:: held == 0 && !controls -> leave()
	:: else
	fi
}

/* Private work after slot_try_get's load or failed compare-and-swap. */
inline try_get_loaded(access)
{
	old = state;
	assert(REFS(old) != ILLEGAL && REFS(old) != HELD_MAX);
	if
	:: SHARED(old) ->
		pc = try_get_cas;
		say(access, MORE)
	:: else ->
		say(access, FAILED);
		finish()
	fi
}

/*
 * Private work after slot_claim_begin's load or failed compare-and-swap: the allocator's switch on the state, or the
 * error of a claim by address.
 */
inline claim_loaded(access)
{
	old = state;
	if
	:: REFS(old) == UNUSED ->
		say(access, MORE);
		pc = claim_cas
	:: REFS(old) != UNUSED && controls ->
		assert(REFS(old) == HOST);
		say(access, FAILED);
		finish()
	:: REFS(old) != UNUSED && !controls ->
		/* Else the allocator found a frame that is not unused, and aborts. */
		assert(REFS(old) == HOST);
		say(access, MORE);
		old = 0;
#ifdef MUTANT_HOST_FRAME_DROPPED
		pc = pop_frame
#else
		pc = park_frame
#endif
	fi
}

inline unique_loaded(next)
{
	old = state;
	assert(REFS(old) == UNIQUE);
	pc = next;
	say(load, MORE)
}

#include "mutants.pml"

proctype cpu()
{
	byte held;      /* references held; 1 for a unique one */
	bit unique;
	bit controls;   /* reset the frame and has not claimed or given it since: nobody else may claim or list it */
	byte old;       /* the state word that this CPU loaded last */
	mtype op = get; /* the current operation */
	mtype:place pc = idle;

	/*
	 * Each operation starts where pc is idle, depending on what the CPU holds. The choice among them is open: a
	 * simulation starts at a random option and takes the next one that is executable, so all of them occur, and
	 * those that compete lie apart.
	 */
	do
	:: d_step { pc == idle && held == 0 && !controls -> begin(alloc_shared); pc = pop_frame }
	/*
	 * frame_alloc_claim. Once the host has released a frame that was put aside, the frame is listed again. The
	 * allocator's locks make this one access of the state, so it is one step: no other CPU sees the rest.
	 */
	:: d_step { pc == pop_frame ->
		if
		:: frame == PARKED && REFS(state) != HOST -> frame = LISTED
		:: else
		fi;
		if
		:: frame == LISTED ->
			frame = TAKEN;
			pc = claim_load;
			say(pop, MORE)
		:: else ->
			say(pop, FAILED);
			finish()
		fi
	   }
	:: d_step { pc == park_frame ->
		assert(frame == TAKEN);
		frame = PARKED;
		pc = pop_frame;
		say(park, MORE)
	   }

	/* slot_claim_begin */
	:: d_step { pc == claim_load -> claim_loaded(load) }
	:: d_step { pc == claim_cas ->
		if
		:: CLAIM_SWAPS ->
			assert(owner == NOBODY);
			owner = GUEST;
			controls = 0;
			new_incarnation();
			state = CLAIMED(old);
			old = state;
			check_state();
			pc = claim_word0;
			say(cas, MORE)
		:: else ->
			claim_loaded(cas)
		fi
	   }

	/* The same for a unique owner. */
	:: d_step { pc == idle && held == 0 && !controls -> begin(alloc_unique); pc = pop_frame }

	/* A claim by address, for a frame that this CPU controls; the unique one is further on. */
	:: d_step { pc == idle && controls -> op = claim_shared; claim_loaded(load) }

	/*
	 * Writes the metadata of a new owner, or new metadata; slot_publish. From the step that made the slot BUSY to
	 * the one that ends it, `old` is the state word that the first left.
	 */
	:: d_step { pc == claim_word0 -> stamp0 = 1; pc = claim_word1; say(word0, MORE) }
	:: d_step { pc == claim_word1 -> stamp1 = 1; pc = publish_store; say(word1, MORE) }
	:: d_step { pc == publish_store ->
		held = 1;
		holders = 1;
		unique = (op != alloc_shared && op != claim_shared);
		if
		:: unique -> state = SAME(old, UNIQUE)
		:: else -> state = SAME(old, 1)
		fi;
		check_state();
		say(store, DONE);
		finish()
	   }

	/* slot_try_get */
	:: d_step { pc == idle && !unique && !controls && held < HELD_BY_CPU ->
		op = try_get;
		if
		:: held == 0 -> active_actors++
		:: else
		fi;
		try_get_loaded(load)
	   }
	:: d_step { pc == try_get_cas ->
		if
		:: TRY_GET_SWAPS ->
			assert(SHARED(state));
			state = state + REF_ONE;
			held++;
			holders++;
			check_state();
			say(cas, DONE);
			finish()
		:: else ->
			try_get_loaded(cas)
		fi
	   }

	/* slot_change_begin; the words and slot_publish follow. */
	:: d_step { pc == idle && unique -> op = change; unique_loaded(change_store) }
	:: d_step { pc == change_store ->
		new_incarnation();
		state = CHANGING(old);
		old = state;
		pc = claim_word0;
		say(store, MORE)
	   }

	/* slot_get */
	:: d_step { pc == idle && !unique && held > 0 && held < HELD_BY_CPU ->
		op = get;
		assert(SHARED(state));
		state = state + REF_ONE;
		held++;
		holders++;
		check_state();
		say(add, DONE)
	   }

	:: d_step { pc == idle && controls -> op = claim_unique; claim_loaded(load) }

	/* slot_share, slot_unshare */
	:: d_step { pc == idle && unique -> op = share; unique_loaded(share_store) }
	:: d_step { pc == share_store ->
		unique = 0;
		state = SAME(old, 1);
		check_state();
		say(store, DONE);
		finish()
	   }
	:: d_step { pc == idle && !unique && held > 0 ->
		op = unshare;
		if
		:: REFS(state) == 1 ->
			old = state;
			pc = unshare_cas;
			say(load, MORE)
		:: else ->
			say(load, FAILED);
			finish()
		fi
	   }
	:: d_step { pc == unshare_cas ->
		if
		:: UNSHARE_SWAPS ->
			unique = 1;
			state = SAME(old, UNIQUE);
			check_state();
			say(cas, DONE)
		:: else ->
			say(cas, FAILED)
		fi;
		finish()
	   }

	/* slot_unique_drop and slot_put; the last reference continues with the frame's end. */
	:: d_step { pc == idle && unique -> op = unique_drop; unique_loaded(unique_drop_store) }
	:: d_step { pc == unique_drop_store ->
		unique = 0;
		held = 0;
		holders = 0;
		state = SAME(old, BUSY);
		old = state;
		check_state();
		pc = AFTER_LAST_PUT;
		say(store, MORE)
	   }
	:: d_step { pc == idle && !unique && held > 0 ->
		op = put;
#ifdef MUTANT_PUT_NOT_ATOMIC
		old = state;
		pc = put_store
#else
		assert(SHARED(state));
		held--;
		holders--;
		old = state;
		state = state - REF_ONE;
		check_state();
		if
		:: REFS(old) == 1 ->
			old = state;
			pc = AFTER_LAST_PUT;
			say(sub, MORE)
		:: else ->
			say(sub, DONE);
			finish()
		fi
#endif
	   }
#ifdef MUTANT_PUT_NOT_ATOMIC
	:: d_step { pc == put_store ->
		held--;
		holders--;
		state = old - REF_ONE;
		check_state();
		if
		:: REFS(old) == 1 ->
			old = state;
			pc = AFTER_LAST_PUT
		:: else ->
			finish()
		fi
	   }
#endif

	/*
	 * unique_reset: the owner's last access is to vtable_ptr. The reader reads it with the words that belong
	 * together, so word 1 stands for it.
	 */
	:: d_step { pc == idle && unique -> op = unique_reset; unique_loaded(resetting_store) }
	:: d_step { pc == resetting_store ->
		state = RESETTING(old);
		check_state();
		unique = 0;
		held = 0;
		holders = 0;
		old = state;
		pc = AFTER_RESETTING;
		say(store, MORE)
	   }
	:: d_step { pc == vtable_store ->
		assert(owner == GUEST && holders == 0);
		owner = NOBODY;
		stamp1 = 0;
		pc = AFTER_VTABLE;
		if
		:: pc == idle ->
			say(vtable, DONE);
			finish()
		:: else ->
			say(vtable, MORE)
		fi
	   }
	:: d_step { pc == unused_store ->
		state = SAME(old, UNUSED);
		controls = 1;
		pc = AFTER_UNUSED;
		if
		:: pc == idle ->
			say(store, DONE);
			finish()
		:: else ->
			say(store, MORE)
		fi
	   }

	/* Such a frame goes back by frame_alloc_give: the link, then the list, as after a drop. */
	:: d_step { pc == idle && controls ->
		op = give;
		controls = 0;
		stamp0 = 0;
		pc = release_list;
		say(word0, MORE)
	   }

	/* frame_drop: on_drop may use the frame until it returns; it is the owner's last access. */
	:: d_step { pc == drop_call ->
		assert(owner == GUEST && holders == 0);
		owner = NOBODY;
		pc = AFTER_DROP;
		say(on_drop, MORE)
	   }

	/* slot_reset */
	:: d_step { pc == reset_store ->
		state = SAME(old, UNUSED);
		old = 0;
		pc = AFTER_RESET;
		say(store, MORE);
		if
		:: pc == idle -> finish()
		:: else
		fi
	   }

	/* frame_alloc_release: writes the link into a word, then puts the frame into the list. */
	:: d_step { pc == release_word0 ->
		stamp0 = 0;
		pc = release_list;
		say(word0, MORE)
	   }
	:: d_step { pc == release_list ->
		assert(frame == TAKEN);
		assert(REFS(state) == UNUSED || REFS(state) == HOST);
		frame = LISTED;
		pc = (op == give -> idle : AFTER_LIST);
		say(list, DONE);
		if
		:: pc == idle -> finish()
		:: else
		fi
	   }
	od
}

/* slot_host_claim and slot_host_release. */
proctype host()
{
	byte old;
	bit again; /* the second try, which is the last */
	mtype op = host_claim;
	mtype:place pc = idle;

	do
	:: d_step { pc == idle && owner != THE_HOST ->
		begin(host_claim);
		old = state;
		if
		:: REFS(old) == UNUSED ->
			pc = host_cas;
			say(load, MORE)
		:: else ->
			old = 0;
			say(load, FAILED);
			leave()
		fi
	   }
	:: d_step { pc == host_cas ->
		if
		:: state == old ->
			assert(owner == NOBODY);
			owner = THE_HOST;
			state = NEXT(old, HOST);
			generation_moved();
			check_state();
			old = 0;
			again = 0;
			pc = idle;
			say(cas, DONE)
		:: else ->
			old = state;
			if
			:: REFS(old) == UNUSED && !again ->
				again = 1;
				say(cas, MORE)
			:: else ->
				old = 0;
				again = 0;
				pc = idle;
				say(cas, FAILED);
				leave()
			fi
		fi
	   }
	:: d_step { pc == idle && owner == THE_HOST ->
		op = host_release;
		assert(REFS(state) == HOST);
		old = state;
		pc = release_cas;
		say(load, MORE)
	   }
	:: d_step { pc == release_cas ->
		/* Nobody else changes a HOST slot. */
		assert(state == old);
		owner = NOBODY;
		state = SAME(old, UNUSED);
		old = 0;
		pc = idle;
		say(cas, DONE);
		leave()
	   }
	od
}

/* slot_read. The copy is `whole` if both words are of the incarnation that the first load saw. */
proctype reader()
{
	byte generation;
	bit whole;
	mtype op = slot_read;
	mtype:place pc = idle;

	do
	:: d_step { pc == idle ->
		if
		:: IN_USE(state) ->
			generation = GEN(state);
			reading = 1;
			same_incarnation = 1;
			pc = read_word0;
			say(load, MORE)
		:: else ->
			say(load, FAILED)
		fi
	   }
	:: d_step { pc == read_word0 ->
		whole = same_incarnation && stamp0;
		pc = read_word1;
		say(word0, MORE)
	   }
	:: d_step { pc == read_word1 ->
		whole = whole && same_incarnation && stamp1;
		pc = read_again;
		say(word1, MORE)
	   }
	:: d_step { pc == read_again ->
		if
		:: ACCEPTS ->
			assert(whole);
			say(load, DONE)
		:: else ->
			/* Retry. */
			say(load, MORE)
		fi;
		generation = 0;
		whole = 0;
		reading = 0;
		same_incarnation = 0;
		bumps = 0;
		pc = idle
	   }
	od
}

/* A trace begins with the model's constants. Its actors' names are the process numbers. */
init
{
	printf("= %d %d %d %d\n", GENS, UNIQUE, HOST, UNUSED);
	atomic {
		run cpu();  /* 1 */
		run cpu();  /* 2 */
		run host(); /* 3 */
		run reader() /* 4 */
	}
}

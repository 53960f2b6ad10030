/* Faults that tests plant, to see that they would be noticed. In a program as it ships FAULT() is false at compile time.
 * Private to policy/. */
#ifndef HEDDLE_POLICY_FAULT_H
#define HEDDLE_POLICY_FAULT_H

#include <stdbool.h>

enum policy_fault {
	POLICY_FAULT_HUMANS = 1,        /* two accounts of one human are two */
	POLICY_FAULT_STRANGERS = 2,     /* a role in any domain approves */
	POLICY_FAULT_ASKER = 4,         /* who asked approves */
	POLICY_FAULT_SERVICES = 8,      /* a program approves */
	POLICY_FAULT_ROWS = 16,         /* handed on with a row filter, that of the grant is forgotten */
	POLICY_FAULT_UNTIL = 32,        /* handed on, it lasts as long as whoever hands on says */
	POLICY_FAULT_PURPOSE = 64,      /* handed on, it is for what whoever hands on says */
	POLICY_FAULT_MASKS = 128,       /* handed on with masks, those of the grant are forgotten */
	POLICY_FAULT_ENDED = 256,       /* a delegation that ended hands on */
	POLICY_FAULT_BEFORE = 512,      /* a tag counts for a grant before its change is approved */
	POLICY_FAULT_LOOSEN = 1024,     /* the mask of a restriction replaces that of the grant */
	POLICY_FAULT_LENGTHEN = 2048,   /* the days of a restriction lengthen a grant */
	POLICY_FAULT_UNHIDE = 4096,     /* what a restriction masks is shown, masked, though the grant hides it */
	POLICY_FAULT_GROUPS = 8192,     /* the hash forgets the groups */
	POLICY_FAULT_KEYED = 16384,     /* the hash forgets whom a keyed mask is for */
	POLICY_FAULT_HANDING = 32768,   /* a restriction that demands handing on hands on */
	POLICY_FAULT_PEEKS = 65536,     /* handed on with a row filter, that looks through masks */
	POLICY_FAULT_APART = 131072,    /* what the consumer hashes itself has the key of what others give it hashed */
};

#ifdef HEDDLE_POLICY_FAULTS
extern unsigned policy_faults; /* set by the test */
#define FAULT(name) ((policy_faults & POLICY_FAULT_##name) != 0)
#else
#define FAULT(name) false
#endif

#endif

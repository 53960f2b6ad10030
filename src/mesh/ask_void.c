/* What was said with a stolen key, or on two branches of a log. */
#include "mesh/ask.h"

bool
ask_voids(const struct log *log UNUSED, uint64_t seq UNUSED)
{
	return false;
}

bool
ask_forked(const struct log *log UNUSED)
{
	return false;
}

bool
ask_fork_revoked(const struct log *log UNUSED, Str grant_id UNUSED)
{
	return false;
}

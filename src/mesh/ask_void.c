/* What was said with a stolen key, or on two branches of a log. */
#include "mesh/ask.h"
#include "mesh/fork.h"
#include "mesh/keys.h"

bool
ask_voids(const struct log *log, uint64_t seq)
{
	return keys_voids(log, seq);
}

bool
ask_forked(const struct log *log)
{
	return log->pub.frozen;
}

bool
ask_fork_revoked(const struct log *log, Str grant_id)
{
	return fork_ended(log, RECORD_GRANT, grant_id);
}

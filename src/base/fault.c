#include "base/fault.h"

struct fault fault_armed;

enum fault_kind
fault_hit(const char *what)
{
	(void)what; /* in the debugger, and in the sweep's trace */
	fault_armed.hits++;
	return fault_armed.at != 0 && fault_armed.hits == fault_armed.at ? fault_armed.kind : FAULT_NONE;
}

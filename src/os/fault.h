/* A fault point of a module that does its own input and output: fault_hit(), and a line in the log when the fault strikes or
 * hits are traced. Armed by os_fault_from_env() (os/file.h). */
#ifndef HEDDLE_OS_FAULT_H
#define HEDDLE_OS_FAULT_H

#include "base/fault.h"

enum fault_kind os_fault_hit(const char *what);

#endif

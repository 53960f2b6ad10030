#include "os/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A descriptor or an error, closed again. */
static int
opened(int fd)
{
	if (fd < 0) return errno;
	close(fd);
	return 0;
}

static int
done(long r)
{
	return r < 0 ? errno : 0;
}

static int read_file(void) { return opened(open("/etc/passwd", O_RDONLY | O_CLOEXEC)); }
static int read_folder(void) { return opened(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
static int read_environ(void) { return opened(open("/proc/self/environ", O_RDONLY | O_CLOEXEC)); }
static int read_memory(void) { return opened(open("/proc/self/mem", O_RDWR | O_CLOEXEC)); }

static int
read_parent(void)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
	return opened(open(path, O_RDONLY | O_CLOEXEC));
}

static int write_file(void) { return opened(open("/tmp", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600)); }
static int write_device(void) { return opened(open("/dev/null", O_WRONLY | O_CLOEXEC)); }
static int make_socket(void) { return opened(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
static int make_socket_udp(void) { return opened(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }
static int make_socket_unix(void) { return opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
static int make_socket_netlink(void) { return opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)); }
static int make_memfd(void) { return opened(memfd_create("escape", MFD_CLOEXEC)); }
static int change_owner(void) { return done(fchownat(AT_FDCWD, "/", (uid_t)-1, (gid_t)-1, 0)); }
static int change_folder(void) { return done(chdir("/")); }
static int signal_parent(void) { return done(kill(getppid(), 0)); }
static int signal_everybody(void) { return done(kill(-1, 0)); }
static int become_root(void) { return done(setresuid(0, 0, 0)); }
static int set_priority(void) { return done(setpriority(PRIO_PROCESS, 0, 0)); }

static int
change_mode(void)
{
	struct stat st;

	if (stat("/", &st) < 0) st.st_mode = 0755; /* not even looked at by the gate, which is refused either way */
	return done(fchmodat(AT_FDCWD, "/", st.st_mode & 07777, 0));
}

static int
set_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0) return errno;
	return done(setrlimit(RLIMIT_NOFILE, &l));
}

static int
map_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) return errno;
	munmap(p, 4096);
	return 0;
}

static int
turn_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) return errno;
	int r = done(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	munmap(p, 4096);
	return r;
}

static int
fork_process(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) _exit(0);
	if (pid < 0) return errno;
	waitpid(pid, NULL, 0);
	return 0;
}

/* clone3 must not be told from a kernel without it, or threads could not be started. */
static int
fork_clone3(void)
{
	uint64_t args[8] = {[4] = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof args);

	if (pid == 0) _exit(0);
	if (pid < 0) return errno;
	waitpid(pid, NULL, 0);
	return 0;
}

static int
new_user_space(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, NULL, NULL, NULL, NULL);

	if (pid == 0) _exit(0);
	if (pid < 0) return errno;
	waitpid(pid, NULL, 0);
	return 0;
}

static int
run_program(void)
{
	char name[] = "true", *argv[] = {name, NULL}, *envp[] = {NULL};

	return done(execve("/bin/true", argv, envp));
}

static int trace_self(void) { return done(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static int start_uring(void) { return done(syscall(SYS_io_uring_setup, 0, NULL)); }
static int fault_handler(void) { return opened((int)syscall(SYS_userfaultfd, O_CLOEXEC)); }
static int load_bpf(void) { return done(syscall(SYS_bpf, 0, NULL, 0)); }
static int count_events(void) { return done(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)); }
static int mount_folder(void) { return done(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL)); }
static int change_root(void) { return done(chroot("/")); }
static int leave_space(void) { return done(unshare(0)); }
static int join_space(void) { return done(setns(-1, 0)); }
static int read_process(void) { return done(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0)); }
static int take_descriptor(void) { return done(syscall(SYS_pidfd_getfd, -1, 0, 0)); }
static int open_handle(void) { return done(syscall(SYS_open_by_handle_at, -1, NULL, 0)); }
static int use_keyring(void) { return done(syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }

/* Files are closed by Landlock (level 2), for the gate by seccomp, too. */
#define WRITERS (SANDBOX_CORE | SANDBOX_LAKE)
static const struct escape escapes[] = {
    {"read a file", read_file, 2, 0, false},
    {"read a folder", read_folder, 2, 0, false},
    {"read the environment", read_environ, 2, 0, false},
    {"open one's own memory", read_memory, 2, 0, false},
    {"read the parent's environment", read_parent, 2, 0, false},
    {"write a file", write_file, 2, 0, false},
    {"write a device", write_device, 2, 0, false},
    {"make a socket", make_socket, 1, SANDBOX_SENDER, false},
    {"make a UDP socket", make_socket_udp, 1, SANDBOX_SENDER, false},
    {"make a local socket", make_socket_unix, 1, 0, false},
    {"make a netlink socket", make_socket_netlink, 1, 0, false},
    {"make an anonymous file", make_memfd, 1, WRITERS, false},
    {"change a mode", change_mode, 1, 0, false},
    {"change an owner", change_owner, 1, 0, false},
    {"change the folder", change_folder, 1, 0, false},
    {"signal the parent", signal_parent, 1, 0, false},
    {"signal everybody", signal_everybody, 1, 0, false},
    {"become root", become_root, 1, 0, false},
    {"set a priority", set_priority, 1, 0, false},
    {"set a limit", set_limit, 1, 0, false},
    {"map memory executable", map_executable, 1, 0, false},
    {"turn memory executable", turn_executable, 1, 0, false},
    {"fork", fork_process, 1, 0, false},
    {"fork by clone3", fork_clone3, 1, 0, false},
    {"make a user namespace", new_user_space, 1, 0, false},
    {"run a program", run_program, 1, 0, true},
    {"trace", trace_self, 1, 0, true},
    {"start an io_uring", start_uring, 1, 0, true},
    {"handle page faults", fault_handler, 1, 0, true},
    {"load a BPF program", load_bpf, 1, 0, true},
    {"count events", count_events, 1, 0, true},
    {"mount", mount_folder, 1, 0, true},
    {"change the root", change_root, 1, 0, true},
    {"leave a namespace", leave_space, 1, 0, true},
    {"join a namespace", join_space, 1, 0, true},
    {"read another process", read_process, 1, 0, true},
    {"take a descriptor", take_descriptor, 1, 0, true},
    {"open by handle", open_handle, 1, 0, true},
    {"use the keyring", use_keyring, 1, 0, true},
};

size_t escape_count(void) { return ARRAY_LEN(escapes); }
const struct escape *escape_at(size_t i) { return &escapes[i]; }
int escape_try(const struct escape *e) { return e->run(); }

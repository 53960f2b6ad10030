#include "net/stream.h"

#include <errno.h>
#include <unistd.h>

static enum stream_result
read_some(int fd, void *out, size_t max, size_t *ret_n)
{
	ssize_t n;

	do n = read(fd, out, max);
	while (n < 0 && errno == EINTR);
	if (n < 0) return errno == EAGAIN ? STREAM_WAIT : STREAM_BROKEN;
	*ret_n = (size_t)n;
	return n == 0 ? STREAM_BROKEN : STREAM_BYTES;
}

/* Behind a head of length 0 stands the status. */
static enum stream_result
read_status(struct stream *s)
{
	uint8_t status;
	size_t n;
	enum stream_result got = read_some(s->fd, &status, 1, &n);

	if (got != STREAM_BYTES) return got;
	return status == 0 ? STREAM_END : STREAM_BROKEN;
}

static enum stream_result
read_head(struct stream *s)
{
	while (s->head_n < sizeof s->head) {
		size_t n;
		enum stream_result got = read_some(s->fd, s->head + s->head_n, sizeof s->head - s->head_n, &n);
		if (got != STREAM_BYTES) return got;
		s->head_n += n;
	}
	s->left = (uint32_t)s->head[0] << 24 | (uint32_t)s->head[1] << 16 | (uint32_t)s->head[2] << 8 | s->head[3];
	return STREAM_BYTES;
}

enum stream_result
stream_read(struct stream *s, char *out, size_t max, size_t *ret_n)
{
	size_t n;
	enum stream_result got;

	if (s->left == 0) {
		got = read_head(s);
		if (got != STREAM_BYTES) return got;
		if (s->left == 0) return read_status(s);
	}
	got = read_some(s->fd, out, max < s->left ? max : s->left, &n);
	if (got != STREAM_BYTES) return got;
	s->left -= (uint32_t)n;
	if (s->left == 0) s->head_n = 0;
	*ret_n = n;
	return STREAM_BYTES;
}

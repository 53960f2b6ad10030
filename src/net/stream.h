/* Reading framed result blocks (u32be length, bytes; length 0 and a status byte at the end) from a non-blocking descriptor, without
 * a buffer of its own. */
#ifndef HEDDLE_NET_STREAM_H
#define HEDDLE_NET_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct stream {
	int fd; /* owned by whoever set it */
	uint8_t head[4];
	size_t head_n;  /* of head read so far; 4 while inside a frame */
	uint32_t left;  /* of the frame */
};

enum stream_result { STREAM_BYTES, STREAM_WAIT, STREAM_END, STREAM_BROKEN };

/* Up to max bytes of payload into out. WAIT: nothing there yet. BROKEN: end of file inside, a status that is not 0, a failed read;
 * nothing more may be read then. */
enum stream_result stream_read(struct stream *s, char *out, size_t max, size_t *ret_n);

#endif

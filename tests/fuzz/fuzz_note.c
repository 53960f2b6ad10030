#include "codec/note.h"

/* A note that is taken is its text, an empty line and its signature lines; a key line and a checkpoint are written as they were read. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	BUF_AUTO out = BUF_INIT;
	struct note *note = NEW(&arena, struct note);
	struct note_key key;
	struct checkpoint point;
	Str text = str_of(p, n);

	if (err_ok(note_key_parse(&c, text, &key))) note_key_line(key.name, key.pub, &out);
	if (out.n && !str_eq(buf_view(&out), text)) __builtin_trap();
	out.n = 0;
	if (err_ok(note_parse(&c, text, note)) && !str_starts(text, note->text)) __builtin_trap();
	if (err_ok(checkpoint_parse(&c, note->sig_count ? note->text : text, &point))) checkpoint_text(&point, &out);
	if (out.n && !str_eq(buf_view(&out), note->sig_count ? note->text : text)) __builtin_trap();
	return 0;
}

/* Words, texts, numbers and signs: what row filters and tag expressions are written in. One token is held; what it says borrows from the text (or, where
 * quotes were doubled, stands in the arena). White space between tokens counts for nothing.
 *
 *   word := letter or '_', then those and digits    text := 'text' ('' inside)    sign := = <> != < <= > >= ( ) ,
 *   with sql: name := "name" ("" inside), number := as in JSON; without it a word may begin with a digit */
#ifndef HEDDLE_CODEC_LEXER_H
#define HEDDLE_CODEC_LEXER_H

#include "base/arena.h"
#include "base/buf.h"

enum token_kind { T_END, T_WORD, T_QUOTED, T_TEXT, T_NUMBER, T_SIGN, T_BAD };

struct token {
	enum token_kind kind;
	size_t at;  /* byte offset */
	Str text;   /* as written; quotes taken off and doubled ones undone */
};

struct lexer {
	struct ctx *c;
	const char *what; /* is read, for messages: "row filter" */
	bool sql;
	Str in;
	size_t at;        /* behind the current token */
	struct token now;
};

/* The first token of a copy of the text; INVALID when it is longer than max bytes or not UTF-8. */
NODISCARD Err lexer_open(struct lexer *l, Str text, size_t max);
void lexer_next(struct lexer *l);
/* Words in any case; take_: and go on behind it. */
bool lexer_is_word(const struct lexer *l, const char *word);
bool lexer_take_word(struct lexer *l, const char *word);
bool lexer_take_sign(struct lexer *l, const char *sign);
/* INVALID that names the place: "row filter, byte 7: expected …". */
NODISCARD Err lexer_expected(struct lexer *l, const char *what);

#endif

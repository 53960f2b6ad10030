/* HTML for people: markup is a literal of our source or it does not compile, all else goes through html_text(), which has no way to say
 * markup. Appends to a buffer; nothing fails. */
#ifndef HEDDLE_CMD_CLI_HTML_H
#define HEDDLE_CMD_CLI_HTML_H

#include "base/buf.h"

#define RAW(b, literal) buf_str((b), S(literal))

/* Safe between tags and in an attribute in quotes. What is no character to see becomes a space, what turns the direction of writing
 * becomes U+FFFD. */
void html_text(struct buf *b, Str s);
void html_cell(struct buf *b, Str s);      /* in <td> */
void html_cell_code(struct buf *b, Str s); /* in <td><code> */

#endif

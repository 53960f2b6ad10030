#include "cmd/cli/html.h"

#include "cmd/cli/out.h"

void
html_text(struct buf *b, Str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		switch (c) {
		case '&': RAW(b, "&amp;"); break;
		case '<': RAW(b, "&lt;"); break;
		case '>': RAW(b, "&gt;"); break;
		case '"': RAW(b, "&quot;"); break;
		case '\'': RAW(b, "&#39;"); break;
		default:
			if (text_reorders(str_of(s.p + i, s.n - i))) {
				RAW(b, "\xef\xbf\xbd");
				i += 2;
			} else
				buf_char(b, c < 0x20 || c == 0x7f ? ' ' : (char)c);
		}
	}
}

void
html_cell(struct buf *b, Str s)
{
	RAW(b, "<td>");
	html_text(b, s);
	RAW(b, "</td>");
}

void
html_cell_code(struct buf *b, Str s)
{
	RAW(b, "<td><code>");
	html_text(b, s);
	RAW(b, "</code></td>");
}

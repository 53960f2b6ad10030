/* Signing for a domain that keeps its key: what the node asks to be signed is checked, shown and signed here, on its owner's machine.
 *
 * The key: --key FILE, else HEDDLE_KEY, else the one that was used for this domain before (${HEDDLE_HOME:-~/.config/heddle}/keys/<log id>
 * names its file). HEDDLE_KEY_PASSPHRASE opens it. */
#ifndef HEDDLE_CMD_CLI_SIGN_H
#define HEDDLE_CMD_CLI_SIGN_H

#include "cmd/cli/node.h"
#include "cmd/keyfile.h"

/* What a draft's answer asks for. */
struct sign_wish { Str draft, log_id, domain, key /* hex, of whom; p == NULL: not told */, payload; };
NODISCARD Err sign_wish_read(struct ctx *c, const json_t *refusal, struct sign_wish *ret);

/* Which key; NOT_FOUND says how to name one. log_id "": only one that is named. */
NODISCARD Err sign_key_path(struct cli *cli, Str log_id, const char **ret);
/* That of the environment, "" for none. */
Str sign_passphrase(void);
/* Remember it for the domain. */
NODISCARD Err sign_key_remember(struct cli *cli, Str log_id, const char *key_path);

/* For a rotation: the key it reveals signs, what it signed is still remembered beside the old one's file, and it says just this. */
struct sign_as { const char *path; const struct sign_key *key; Str body; };

/* The wish may be fulfilled: it is what this command says, for the log of this key, in its place; then show and sign it. */
NODISCARD Err sign_wish(struct cli *cli, const struct sign_wish *w, uint8_t ret[static SIGN_BYTES]);

#endif

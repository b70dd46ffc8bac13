/*
 * What the verifier said, for the one who wrote the script: the reason line of its log, the
 * place in the script that the refused instruction comes from, and for the common reasons what
 * they mean and what to do. Called by load after a refusal.
 *
 * A log tells instruction by instruction how far the verifier came; then why it stopped; then
 * statistics:
 *
 *	12: (79) r1 = *(u64 *)(r3 +8)     ; line info and register states around it
 *	R3 invalid mem access 'scalar'
 *	processed 13 insns (limit 1000000) ...
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel_priv.h"

enum { REJECT_NO_INSN = -1, REJECT_LINE_MAX = 256 };

/* What a part of a reason means to the user; the first that is found. */
static const struct {
	const char *part, *hint;
} reject_rows[] = {
	{ "GPL", "this helper is for programs under the GPL: leave the licence setting at GPL" },
	{ "program is too large", "the verifier walked a million instructions: use fewer or "
				  "shorter loops, or split the script" },
	{ "too many jumps", "the script branches too much: use fewer conditions in one probe" },
	{ "jumps is too complex",
	  "the script branches too much: use fewer conditions in one probe" },
	{ "infinite loop", "the verifier cannot see that the loop ends: give it a fixed bound" },
	{ "back-edge", "this kernel takes no loops: use unroll" },
	{ "combined stack size", "the functions together need more than 512 bytes of stack" },
	{ "invalid func", "this kernel lacks a helper that the script needs" },
	{ "unknown func", "this kernel, or this kind of probe, lacks a helper that the script "
			  "needs" },
	{ "cannot use helper", "this kind of probe may not use that helper" },
	{ "not allowed in probe", "lockdown or the kernel's configuration forbids this helper" },
	{ "invalid bpf_context access", "this kind of probe has no such field in its context" },
	{ "unbounded", "the verifier sees no upper limit for a length or an index: compare it "
		       "with one first" },
	{ "invalid access to map value", "the access may reach past the end of the value" },
	{ "invalid mem access", "the verifier does not know this address as one that may be "
				"read" },
};

struct reject {
	long insn; /* the last that the verifier looked at */
	char reason[REJECT_LINE_MAX];
};

/* "12: (79) ..." or "12: R0=...": the number, or REJECT_NO_INSN for any other line. */
static long reject_insn(const char *line)
{
	char *end;

	if (!isdigit((unsigned char)*line))
		return REJECT_NO_INSN;
	long insn = strtol(line, &end, 10);
	return *end == ':' ? insn : REJECT_NO_INSN;
}

static bool reject_is_noise(const char *line)
{
	static const char *const starts[] = {
		"processed ", "verification time", "stack depth",  ";",     "func#",
		"from ",      "max_states",        "mark_precise", "Func#", "Validating"
	};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (strncmp(line, starts[i], strlen(starts[i])) == 0)
			return true;
	return !*line;
}

static void reject_line(struct reject *r, const char *line, size_t len)
{
	char text[REJECT_LINE_MAX];

	len = MIN(len, sizeof(text) - 1);
	memcpy(text, line, len);
	text[len] = '\0';
	long insn = reject_insn(text);
	if (insn >= 0)
		r->insn = insn;
	else if (!reject_is_noise(text))
		memcpy(r->reason, text, sizeof(text));
}

static void reject_read(struct reject *r, const char *log)
{
	for (const char *line = log; *line;) {
		size_t len = strcspn(line, "\n");

		reject_line(r, line, len);
		line += len + (line[len] == '\n');
	}
}

static void reject_hints(struct diags *diags, const char *reason)
{
	for (size_t i = 0; i < ARRAY_LEN(reject_rows); i++)
		if (strstr(reason, reject_rows[i].part)) {
			diag_hint(diags, "%s", reject_rows[i].hint);
			return;
		}
}

int reject_explain(struct diags *diags, const struct image_prog *prog, int err, const char *log,
		   bool verbose)
{
	struct reject r = { .insn = REJECT_NO_INSN };

	if (log)
		reject_read(&r, log);
	struct span at = prog_span(prog,
				   r.insn >= 0 && r.insn < prog->insns.n ? (uint32_t)r.insn : 0);
	if (!*r.reason) {
		diag_error(diags, at, "cannot load program %s: %s", prog->name, why_errno(err));
		why_hint(diags, err);
		return err;
	}
	const char *poison = r.insn >= 0 ? prog_poison(prog, (uint32_t)r.insn) : NULL;
	diag_error(diags, at, "the kernel's verifier refuses program %s at instruction %ld: %s",
		   prog->name, MAX(r.insn, 0), poison ? poison : r.reason);
	reject_hints(diags, r.reason);
	if (verbose)
		diag_hint(diags, "the verifier's log:\n%s", log);
	return err;
}

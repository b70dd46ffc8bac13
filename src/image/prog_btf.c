/*
 * Function and line info: see prog_btf.h. The kernel wants rising instructions, a line at the
 * start of each function, and none in the middle of a two-slot instruction.
 *
 * Needs: the BTF writer, source texts. Called by kernel/ and by the writer of ELF objects.
 */
#include "image/prog_btf.h"

#include <string.h>

enum { LINE_MAX = (1 << 22) - 1, COLUMN_BITS = 10, COLUMN_MAX = (1 << COLUMN_BITS) - 1 };

void prog_btf_done(struct prog_btf *b)
{
	btf_write_done(&b->btf);
	buf_done(&b->funcs);
	buf_done(&b->lines);
}

uint32_t prog_btf_end(const struct image_prog *prog, uint32_t index)
{
	return index + 1 < prog->funcs.n ? prog->funcs.v[index + 1].insn : prog->insns.n;
}

/* Functions of scripts have no types: an entry takes a pointer, others numbers. */
static uint32_t plain_proto(struct prog_btf *b, const struct image_func *f, bool is_entry)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	uint32_t n = MIN(f->nparams, (uint32_t)ARRAY_LEN(names)), proto;

	if (!b->result) {
		b->result = btf_write_int(&b->btf, "int", 4, BTF_SIGNED);
		b->pointer = btf_write_pointer(&b->btf, 0);
		b->word = btf_write_int(&b->btf, "u64", 8, BTF_UNSIGNED);
	}
	proto = btf_write_record(&b->btf, BTF_FUNC_PROTO, 0, n, b->result);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t one[] = { btf_write_name(&b->btf, names[i]),
					 is_entry ? b->pointer : b->word };

		btf_write_words(&b->btf, one, 2);
	}
	return proto;
}

static void add_func(struct prog_btf *b, const struct image_prog *prog, uint32_t index,
		     uint32_t base, struct types *types)
{
	const struct image_func *f = &prog->funcs.v[index];
	uint32_t proto;

	if (!f->type || !btf_write_type(&b->btf, types, f->type, &proto))
		proto = plain_proto(b, f, index == 0);
	const uint32_t info[] = { base, btf_write_record(&b->btf, BTF_FUNC,
							 btf_write_name(&b->btf, f->name),
							 index ? BTF_STATIC : BTF_GLOBAL, proto) };
	buf_add(&b->funcs, info, sizeof(info));
}

/* With the blanks in front, so that the column fits; who shows it leaves them out. */
static uint32_t line_text(struct prog_btf *b, const struct place *p)
{
	uint32_t len;
	const char *text = source_line(p->source, p->line, &len);

	return btf_write_string(&b->btf, text, len);
}

/* The record for @span, or one that says "nowhere" when it must be there. */
static bool line_record(struct prog_btf *b, const struct sources *sources, struct span span,
			uint32_t record[4])
{
	struct place p = { 0 };

	if (sources && span.lo)
		p = sources_place(sources, span.lo);
	if (!p.source || p.line > LINE_MAX)
		return false;
	record[1] = btf_write_string(&b->btf, p.source->name, strlen(p.source->name));
	record[2] = line_text(b, &p);
	record[3] = p.line << COLUMN_BITS | MIN(p.column, (uint32_t)COLUMN_MAX);
	return true;
}

static void add_line(struct prog_btf *b, const uint32_t record[4])
{
	buf_add(&b->lines, record, 4 * sizeof(*record));
}

static void add_lines(struct prog_btf *b, const struct image_prog *prog, uint32_t from,
		      uint32_t end, uint32_t base, const struct sources *sources)
{
	uint32_t last[4] = { base };
	uint32_t at = 0;

	line_record(b, sources, prog_span(prog, from), last);
	add_line(b, last);
	while (at < prog->spans.n && prog->spans.v[at].insn <= from)
		at++;
	for (; at < prog->spans.n && prog->spans.v[at].insn < end; at++) {
		const struct insn_span *s = &prog->spans.v[at];
		uint32_t record[4] = { base + s->insn - from };

		if (!prog->insns.v[s->insn].opcode || record[0] <= last[0] ||
		    !line_record(b, sources, s->span, record))
			continue;
		if (memcmp(record + 1, last + 1, 3 * sizeof(*record)) == 0)
			continue;
		add_line(b, record);
		memcpy(last, record, sizeof(last));
	}
}

void prog_btf_func(struct prog_btf *b, const struct image_prog *prog, uint32_t index, uint32_t base,
		   struct types *types, const struct sources *sources)
{
	uint32_t from = prog->funcs.v[index].insn, end = prog_btf_end(prog, index);

	add_func(b, prog, index, base, types);
	if (prog->spans.n && from < end && end <= prog->insns.n)
		add_lines(b, prog, from, end, base, sources);
}

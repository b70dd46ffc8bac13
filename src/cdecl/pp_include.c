/*
 * #include: where headers are found, and reading each of them once. See pp_priv.h.
 *
 * The search path, in order: -I folders, the headers that are part of skep (freestanding.c),
 * /usr/local/include, /usr/include/TRIPLET, /usr/include. "x.h" is looked for beside the including
 * file first. #include_next goes on behind the entry where the including header was found.
 *
 * Needs: files, unless no_files. Called by the directives.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdecl/pp_priv.h"

static const char *const system_dirs[][3] = {
	[ARCH_X86_64] = { "/usr/local/include", "/usr/include/x86_64-linux-gnu", "/usr/include" },
	[ARCH_ARM64] = { "/usr/local/include", "/usr/include/aarch64-linux-gnu", "/usr/include" },
};

struct wanted {
	const char *name;
	bool quoted, next;
};

/* ---- finding ---- */

static bool is_file(const struct pp *pp, const char *path)
{
	struct stat st;

	return !pp->opt->no_files && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *freestanding_text(const char *name)
{
	const char *text, *one;

	for (uint32_t i = 0; (one = pp_freestanding(i, &text)); i++)
		if (streq(one, name))
			return text;
	return NULL;
}

/* "a/b.h" beside the file "dir/x": "dir/a/b.h". */
static const char *beside(struct pp *pp, const struct pp_file *f, const char *name)
{
	const char *path = f->header ? f->header->path : f->src->name;
	const char *slash = strrchr(path, '/');

	return slash ? arena_printf(pp->arena, "%.*s/%s", (int)(slash - path), path, name)
		     : arena_strdup(pp->arena, name);
}

/* The @dir-th place of the search path; its text for a header of skep's own. */
static const char *in_dir(struct pp *pp, uint32_t dir, const char *name, const char **ret_text)
{
	uint32_t own = pp->opt->ninclude_dirs;
	const char *folder;

	*ret_text = NULL;
	if (dir == own) {
		*ret_text = freestanding_text(name);
		return *ret_text ? arena_printf(pp->arena, "<skep>/%s", name) : NULL;
	}
	folder = dir < own ? pp->opt->include_dirs[dir] : system_dirs[pp->opt->arch][dir - own - 1];
	folder = arena_printf(pp->arena, "%s/%s", folder, name);
	return is_file(pp, folder) ? folder : NULL;
}

static struct pp_header *header(struct pp *pp, const char *path, int dir)
{
	struct pp_header *h = table_get(&pp->headers, path);

	if (h || !pp_charge(pp, sizeof(*h)))
		return h;
	h = arena_new(pp->arena, struct pp_header);
	h->path = path;
	h->dir = dir;
	h->is_system = dir >= (int)pp->opt->ninclude_dirs;
	table_put(pp->arena, &pp->headers, path, h);
	return h;
}

/* Finds the header; *ret_text is set for one of skep's own. NULL when there is none. */
static struct pp_header *find(struct pp *pp, const struct wanted *w, const char **ret_text)
{
	const struct pp_file *f = pp_file(pp);
	uint32_t dirs = pp->opt->ninclude_dirs + 1 + ARRAY_LEN(system_dirs[0]);
	int first = w->next && f->header ? f->header->dir + 1 : 0;
	const char *path;

	*ret_text = NULL;
	pp_charge(pp, 8 * (strlen(w->name) + 64));
	if (!*w->name || pp->stopped)
		return NULL;
	if (w->name[0] == '/')
		return is_file(pp, w->name) ? header(pp, w->name, -1) : NULL;
	if (w->quoted && !w->next) {
		path = beside(pp, f, w->name);
		if (is_file(pp, path))
			return header(pp, path, f->header ? f->header->dir : -1);
	}
	for (uint32_t dir = first; dir < dirs; dir++) {
		path = in_dir(pp, dir, w->name, ret_text);
		if (path)
			return header(pp, path, dir);
	}
	return NULL;
}

bool pp_has_header(struct pp *pp, const char *name, bool quoted, bool next)
{
	const char *text;

	return find(pp, &(struct wanted){ name, quoted, next }, &text) != NULL;
}

/* ---- reading ---- */

/* All memory is taken before the file is opened: running out of it jumps away from here. */
static int read_file(struct pp *pp, const char *path, size_t *ret_len)
{
	struct stat st;
	ssize_t n, len = 0;
	int fd, err;

	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > PP_MAX_FILE)
		return -EFBIG;
	if ((size_t)st.st_size > pp->read_room) {
		pp->read_buffer = arena_alloc(pp->arena, st.st_size);
		pp->read_room = st.st_size;
		pp_charge(pp, st.st_size);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, pp->read_buffer + len, st.st_size - len);
		err = n < 0 ? -errno : 0;
		len += MAX(n, (ssize_t)0);
	} while (n > 0 && len < st.st_size);
	close(fd);
	*ret_len = len;
	return err;
}

static const struct source *load(struct pp *pp, struct pp_header *h, const char *text,
				 const struct pp_token *at)
{
	size_t len = text ? strlen(text) : 0, lines = 1;

	if (!text) {
		int err = read_file(pp, h->path, &len);

		if (err) {
			pp_error(pp, at, "cannot read %s: %s", h->path, strerror(-err));
			return NULL;
		}
		text = pp->read_buffer;
	}
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if (!pp_charge(pp, len + 4 * sizeof(uint32_t) * lines))
		return NULL;
	return sources_add(pp->sources, h->path, len ? text : "", len);
}

static void read_header(struct pp *pp, struct pp_header *h, const char *text,
			const struct pp_token *at)
{
	struct pp_file *f;

	if (h->once)
		return;
	if (pp->include_depth > PP_MAX_INCLUDE_DEPTH) {
		pp_stop(pp, at, "headers include each other without end");
		return;
	}
	h->included_at = at->span;
	if (!h->src) {
		h->src = load(pp, h, text, at);
		if (!h->src)
			return;
		vec_push(pp->arena, &pp->header_list, h);
	}
	f = pp_push_file(pp, h->src, (struct span){ h->src->base, h->src->base + h->src->len });
	f->header = h;
}

/* ---- the directive ---- */

/* A name that macros made: "x", or '<' and tokens up to '>'. */
static bool expanded_name(struct pp *pp, struct pp_cursor *c, struct pp_token *ret)
{
	struct pp_token_list raw = { 0 }, out = { 0 };
	size_t room = 3, len = 0;
	char *text;

	pp_rest(pp, c, &raw);
	pp_expand_list(pp, raw.v, raw.n, &out);
	if (!out.n || (out.v[0].kind != PP_STRING && out.v[0].kind != PP_LT))
		return false;
	*ret = out.v[0];
	if (ret->kind == PP_STRING)
		return true;
	for (uint32_t i = 0; i < out.n; i++)
		room += out.v[i].len + 1;
	text = arena_alloc(pp->arena, room);
	pp_charge(pp, room);
	for (uint32_t i = 0; i < out.n; i++) {
		if (i > 1 && out.v[i].space && out.v[i].kind != PP_GT)
			text[len++] = ' ';
		memcpy(text + len, out.v[i].text, out.v[i].len);
		len += out.v[i].len;
		if (out.v[i].kind == PP_GT) {
			*ret = pp_made(&out.v[0], PP_STRING, text, len);
			return true;
		}
	}
	return false;
}

static void report_missing(struct pp *pp, const struct pp_token *t, const char *name)
{
	if (!pp_error(pp, t, "cannot find the header %s", name))
		return;
	if (pp->opt->ninclude_dirs == 0)
		diag_hint(pp->diags, "-I names further folders; types of the kernel are known "
				     "without a header");
}

/* Expands what is no quoted name and leaves the line behind it unread. */
static bool header_token(struct pp *pp, struct pp_cursor *c, struct pp_token *ret)
{
	struct pp_cursor start = *c;

	if (pp_lex_header_name(pp, c, ret))
		return true;
	pp_lex(pp, c, ret);
	if (ret->kind == PP_STRING && ret->text[0] == '"')
		return true;
	*c = start;
	return expanded_name(pp, c, ret);
}

void pp_include(struct pp *pp, struct pp_file *f, const struct pp_token *directive)
{
	struct wanted w = { .next = pp_is(directive, "include_next") };
	struct pp_token t;
	struct pp_header *h;
	const char *text;

	if (!header_token(pp, &f->cursor, &t) || t.len < 2) {
		pp_error(pp, directive, "#%.*s wants \"NAME\" or <NAME>", (int)directive->len,
			 directive->text);
		return;
	}
	w.quoted = t.text[0] == '"';
	w.name = arena_strndup(pp->arena, t.text + 1, t.len - 2);
	h = find(pp, &w, &text);
	if (h)
		read_header(pp, h, text, &t);
	else
		report_missing(pp, &t, w.name);
}

void pp_push_header(struct pp *pp, const char *path, struct span at)
{
	struct pp_token t = { .kind = PP_STRING, .span = at };
	const char *name = arena_strdup(pp->arena, path);
	struct pp_header *h = is_file(pp, name) ? header(pp, name, -1) : NULL;

	if (h)
		read_header(pp, h, NULL, &t);
	else
		report_missing(pp, &t, name);
}

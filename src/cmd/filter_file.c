/*
 * skep filter -r: a filter on the packets of a capture file, by skep's interpreter of classic BPF
 * or, translated, by its engine. Reads and writes the pcap format itself, so that it works where
 * libpcap is not.
 * Needs: filter.h. Called by filter.c; filter_live.c writes through it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/filter.h"

/* ---- link types ---- */

/* LINKTYPE_RAW is 101 in files, DLT_RAW 12 in libpcap on Linux. */
static const struct link_type links[] = {
	{ "EN10MB", 1, 1, 14, 12 },        { "RAW", 12, 101, 0, -1 },
	{ "LINUX_SLL", 113, 113, 16, 14 }, { "LINUX_SLL2", 276, 276, 20, 0 },
	{ "NULL", 0, 0, 4, -1 },
};

const struct link_type *link_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (strcasecmp(links[i].name, name) == 0)
			return &links[i];
	}
	return NULL;
}

const struct link_type *link_by_file(uint32_t in_file)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (links[i].in_file == in_file)
			return &links[i];
	}
	return NULL;
}

/* ---- packets ---- */

enum { ETHERTYPE_IPV4 = 0x800, ETHERTYPE_IPV6 = 0x86dd };
enum { IPPROTO_NUMBER_TCP = 6, IPPROTO_NUMBER_UDP = 17 };

static uint32_t protocol_of(const struct link_type *link, const uint8_t *data, uint32_t captured)
{
	if (link->protocol >= 0 && (uint32_t)link->protocol + 2 <= captured)
		return (uint32_t)data[link->protocol] << 8 | data[link->protocol + 1];
	if (link->protocol >= 0 || link->header >= captured)
		return 0;
	return data[link->header] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* Where the payload of TCP or UDP begins, counted from data: what Linux answers to `ld poff`. For
 * other protocols the transport header; 0: no IP. */
static uint32_t payload_of(const struct link_type *link, uint32_t protocol, const uint8_t *data,
			   uint32_t captured)
{
	uint32_t at = link->header, transport;

	if (protocol == ETHERTYPE_IPV4 && at + 20 <= captured) {
		transport = data[at + 9];
		at += (data[at] & 0xfu) * 4;
	} else if (protocol == ETHERTYPE_IPV6 && at + 40 <= captured) {
		transport = data[at + 6];
		at += 40;
	} else {
		return 0;
	}
	if (transport == IPPROTO_NUMBER_TCP && at + 13 <= captured)
		at += (data[at + 12] >> 4) * 4u;
	else if (transport == IPPROTO_NUMBER_UDP)
		at += 8;
	return at;
}

struct cbpf_packet capture_packet(const struct link_type *link, const uint8_t *data,
				  uint32_t captured, uint32_t length)
{
	struct cbpf_packet p = { .head = data,
				 .end = captured,
				 .network = link->header,
				 .has_link = true,
				 .length = length };
	uint32_t protocol = protocol_of(link, data, captured), random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	p.ext[CEXT_PROTOCOL / 4] = protocol;
	p.ext[CEXT_PAY_OFFSET / 4] = payload_of(link, protocol, data, captured);
	p.ext[CEXT_RANDOM / 4] = random;
	return p;
}

/* ---- the format ---- */

enum {
	PCAP_USEC = 0xa1b2c3d4,
	PCAP_NSEC = 0xa1b23c4d,
	PCAPNG = 0x0a0d0d0a,
	LINK_MASK = 0x0fffffff, /* the rest of the word says how long check sums are */
};

static uint32_t word(const struct capture *c, const uint8_t *at)
{
	uint32_t w;

	memcpy(&w, at, sizeof(w));
	return c->swapped ? __builtin_bswap32(w) : w;
}

static bool is_magic(uint32_t w)
{
	return w == PCAP_USEC || w == PCAP_NSEC;
}

static int read_header(struct capture *c, struct buf *why)
{
	uint32_t in_file;

	if (fread(c->header, sizeof(c->header), 1, c->file) != 1) {
		buf_printf(why, "%s is shorter than the header of a capture file", c->path);
		return -EINVAL;
	}
	c->swapped = is_magic(__builtin_bswap32(word(c, c->header)));
	if (word(c, c->header) == PCAPNG) {
		buf_printf(why, "%s is in the pcapng format; editcap -F pcap makes it pcap",
			   c->path);
		return -EINVAL;
	}
	if (!is_magic(word(c, c->header))) {
		buf_printf(why, "%s is no capture file: it does not begin with pcap's magic",
			   c->path);
		return -EINVAL;
	}
	in_file = word(c, c->header + 20) & LINK_MASK;
	c->link = link_by_file(in_file);
	if (!c->link) {
		buf_printf(why,
			   "%s has packets of link type %u; known are EN10MB, RAW, LINUX_SLL, "
			   "LINUX_SLL2 and NULL",
			   c->path, in_file);
		return -EINVAL;
	}
	return 0;
}

int capture_open(struct capture *c, const char *path, struct buf *why)
{
	int err;

	*c = (struct capture){ .path = path, .data = malloc(CAPTURE_MOST) };
	if (!c->data)
		return -ENOMEM;
	c->file = streq(path, "-") ? stdin : fopen(path, "re");
	if (!c->file) {
		err = -errno;
		buf_printf(why, "cannot read %s: %s", path, strerror(-err));
		return err;
	}
	return read_header(c, why);
}

int capture_next(struct capture *c, struct buf *why)
{
	size_t n = fread(c->record, 1, sizeof(c->record), c->file);

	if (n == 0 && !ferror(c->file))
		return 0;
	if (n < sizeof(c->record)) {
		buf_printf(why, "%s ends within the header of a packet", c->path);
		return -EINVAL;
	}
	c->captured = word(c, c->record + 8);
	c->length = word(c, c->record + 12);
	if (c->captured > CAPTURE_MOST) {
		buf_printf(why, "%s is damaged: a packet of %u bytes", c->path, c->captured);
		return -EINVAL;
	}
	if (fread(c->data, 1, c->captured, c->file) != c->captured) {
		buf_printf(why, "%s ends within a packet", c->path);
		return -EINVAL;
	}
	return 1;
}

void capture_close(struct capture *c)
{
	if (c->file && c->file != stdin)
		fclose(c->file);
	free(c->data);
	*c = (struct capture){ 0 };
}

FILE *capture_create(const char *path, const uint8_t header[24])
{
	FILE *file = streq(path, "-") ? stdout : fopen(path, "we");

	if (file && fwrite(header, 24, 1, file) != 1) {
		fclose(file);
		return NULL;
	}
	return file;
}

void capture_header(uint8_t header[24], const struct link_type *link)
{
	const uint32_t words[6] = { PCAP_USEC, 2 | 4 << 16, 0, 0, 262144, link->in_file };

	memcpy(header, words, sizeof(words));
}

int capture_write(FILE *file, const uint8_t record[16], const uint8_t *data, uint32_t captured)
{
	if (fwrite(record, 16, 1, file) != 1 || fwrite(data, 1, captured, file) != captured)
		return errno ? -errno : -EIO;
	return 0;
}

/* ---- the run ---- */

struct run {
	struct filter_job *job;
	struct capture in;
	FILE *out;                    /* NULL: only count */
	struct filter_engine *engine; /* NULL: interpret */
	uint64_t total, matched;
	struct buf why;
};

static uint32_t accepted(struct run *r)
{
	struct cbpf_packet p = capture_packet(r->in.link, r->in.data, r->in.captured, r->in.length);

	return r->engine ? filter_engine_run(r->engine, &p) : cbpf_run(r->job->filter.v, &p);
}

static int run_all(struct run *r)
{
	int err = 0, more = 0;

	while (!err && r->matched < r->job->limit && (more = capture_next(&r->in, &r->why)) > 0) {
		r->total++;
		if (!accepted(r))
			continue;
		r->matched++;
		if (r->out)
			err = capture_write(r->out, r->in.record, r->in.data, r->in.captured);
	}
	if (err)
		buf_printf(&r->why, "cannot write %s: %s", r->job->opt.write, strerror(-err));
	return err ? err : more < 0 ? more : 0;
}

/* Counts go to stdout, unless packets do. */
static void tell(struct run *r)
{
	FILE *to = r->job->opt.write && streq(r->job->opt.write, "-") ? stderr : stdout;

	fprintf(to, "%llu of %llu packets match\n", (unsigned long long)r->matched,
		(unsigned long long)r->total);
	fflush(to);
}

static int open_all(struct run *r)
{
	int err = capture_open(&r->in, r->job->opt.read, &r->why);

	if (err)
		return err;
	if (filter_get(r->job, r->in.link))
		return -ECANCELED; /* told already */
	if (r->job->opt.ebpf)
		err = filter_engine_new(r->job, &r->engine, &r->why);
	if (err || !r->job->opt.write)
		return err;
	r->out = capture_create(r->job->opt.write, r->in.header);
	if (r->out)
		return 0;
	buf_printf(&r->why, "cannot write %s: %s", r->job->opt.write, strerror(errno));
	return -EIO;
}

int filter_read_file(struct filter_job *job)
{
	struct run r = { .job = job };
	int err = open_all(&r);

	if (!err) {
		err = run_all(&r);
		tell(&r);
	}
	if (r.out && fflush(r.out) && !err) {
		err = -errno;
		buf_printf(&r.why, "cannot write %s: %s", job->opt.write, strerror(-err));
	}
	if (r.out && r.out != stdout)
		fclose(r.out);
	if (err && err != -ECANCELED)
		complain(job->program, "%s", r.why.len ? r.why.data : strerror(-err));
	filter_engine_free(r.engine);
	capture_close(&r.in);
	buf_done(&r.why);
	return err ? EXIT_FAILED : EXIT_DONE;
}

/*
 * skep filter: classic BPF at the command line. filter.c reads options and filters and prints
 * them; the other filter_*.c run them on something.
 */
#ifndef SKEP_CMD_FILTER_H
#define SKEP_CMD_FILTER_H

#include <stdio.h>

#include "bpf/cbpf.h"
#include "cmd/cmd.h"

struct filter_options {
	const char *read, *write, *device, *count, *format, *from, *link, *seccomp, *arch, *calls;
	struct option_values call;
	bool ebpf, lock, raw, help;
};

/* One run of the verb. What hangs on the arena lives as long as it. */
struct filter_job {
	const struct options *program; /* for complain() */
	struct filter_options opt;
	char **args;
	int nargs;
	struct arena arena;
	jmp_buf no_memory;
	struct sources sources;
	struct diags diags;
	struct cbpf filter;     /* checked */
	const char *expression; /* NULL: none */
	uint64_t limit;         /* of packets that match; UINT64_MAX: none */
};

/* ---- link types ---- */

struct link_type {
	const char *name;
	int dlt;          /* libpcap's DLT_*, what filters are compiled for */
	uint32_t in_file; /* LINKTYPE_* */
	uint32_t header;  /* bytes before the network header */
	int protocol;     /* where the EtherType stands; -1: it follows from the IP version */
};

const struct link_type *link_by_name(const char *name);
const struct link_type *link_by_file(uint32_t in_file);

/* ---- filter_pcap.c: expressions ---- */

/* filter_compile - compiles @expression with libpcap for packets of @link. -EINVAL, -EOPNOTSUPP
 * (there is no libpcap) with the reason in @why. */
int filter_compile(struct cbpf *out, struct arena *arena, const char *expression,
		   const struct link_type *link, struct buf *why);

/* ---- filter_file.c: capture files ---- */

enum { CAPTURE_MOST = 1 << 20 }; /* bytes of one packet; more is a damaged file */

struct capture {
	FILE *file;
	const char *path;
	bool swapped; /* the other byte order */
	const struct link_type *link;
	uint8_t header[24];
	uint8_t record[16]; /* of the packet in hand, as it stands in the file */
	uint32_t captured, length;
	uint8_t *data; /* CAPTURE_MOST bytes */
};

/* capture_open - opens @path ("-": standard input) to read. 0 or -errno with the reason in @why. */
int capture_open(struct capture *c, const char *path, struct buf *why);
/* capture_next - 1: there is a packet; 0: the end; -EINVAL with the reason in @why. */
int capture_next(struct capture *c, struct buf *why);
void capture_close(struct capture *c);

/* capture_create - a file at @path ("-": standard output) that begins with @header. */
FILE *capture_create(const char *path, const uint8_t header[24]);
/* capture_header - the header of a file of @link, in this machine's byte order, by microseconds. */
void capture_header(uint8_t header[24], const struct link_type *link);
/* capture_write - adds a packet with the record header @record. 0 or -errno. */
int capture_write(FILE *file, const uint8_t record[16], const uint8_t *data, uint32_t captured);

/* capture_packet - the packet as a filter sees it. */
struct cbpf_packet capture_packet(const struct link_type *link, const uint8_t *data,
				  uint32_t captured, uint32_t length);

/* ---- filter_engine.c: the translation, run by skep's engine ---- */

struct filter_engine;
int filter_engine_new(struct filter_job *job, struct filter_engine **ret, struct buf *why);
void filter_engine_free(struct filter_engine *e);
/* filter_engine_run - how many bytes of @p it accepts. */
uint32_t filter_engine_run(struct filter_engine *e, const struct cbpf_packet *p);

/* ---- ways to run; each gives the exit status ---- */

int filter_read_file(struct filter_job *job); /* filter_file.c: -r */
int filter_live(struct filter_job *job);      /* filter_live.c: -i */
int filter_seccomp(struct filter_job *job);   /* filter_seccomp.c: --seccomp */

/* filter_report - prints the diagnostics. EXIT_FAILED. */
int filter_report(struct filter_job *job);
/* filter_load - reads the file @path in any form into job->filter. Exit status. */
int filter_load(struct filter_job *job, const char *path);
/* filter_get - the filter that the options name, checked, for packets of @link. Exit status. */
int filter_get(struct filter_job *job, const struct link_type *link);
/* filter_check - cbpf_check() of job->filter, with a message. Exit status. */
int filter_check(struct filter_job *job, enum cbpf_use use);

#endif

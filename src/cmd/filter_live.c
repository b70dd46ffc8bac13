/*
 * skep filter -i: packets of a device, live. The kernel filters: only what matches comes here.
 *
 *	socket, for no protocol yet ─► attach the filter ─► lock it, if asked ─► bind to the device
 *
 * In this order no packet comes through that the filter has not seen.
 *
 * Needs: CAP_NET_RAW. Called by filter.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cmd/filter.h"

/* linux/filter.h and linux/if_ether.h clash with skep's own names */
enum { ETHERTYPE_ALL = 3 };
struct fprog {
	unsigned short len;
	struct cinsn *filter;
};

enum { PACKET_MOST = 1 << 18 };

struct live {
	struct filter_job *job;
	int fd, signals;
	const struct link_type *link;
	FILE *out;
	uint64_t matched;
	uint8_t data[PACKET_MOST];
};

static int fail(struct live *l, const char *what)
{
	const char *hint = errno == EPERM ? " (it needs CAP_NET_RAW)" : "";

	complain(l->job->program, "cannot %s: %s%s", what, strerror(errno), hint);
	return EXIT_FAILED;
}

static int open_socket(struct live *l, struct sockaddr_ll *at)
{
	struct ifreq r = { 0 };

	l->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail(l, "open a packet socket");
	strncpy(r.ifr_name, l->job->opt.device, sizeof(r.ifr_name) - 1);
	if (strlen(l->job->opt.device) >= sizeof(r.ifr_name) || ioctl(l->fd, SIOCGIFINDEX, &r)) {
		complain(l->job->program, "there is no device %s here", l->job->opt.device);
		return EXIT_FAILED;
	}
	*at = (struct sockaddr_ll){ .sll_family = AF_PACKET,
				    .sll_ifindex = r.ifr_ifindex,
				    .sll_protocol = htons(ETHERTYPE_ALL) };
	if (ioctl(l->fd, SIOCGIFHWADDR, &r))
		return fail(l, "ask the device's kind");
	if (r.ifr_hwaddr.sa_family == ARPHRD_ETHER || r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK)
		l->link = link_by_name("EN10MB");
	else if (r.ifr_hwaddr.sa_family == ARPHRD_NONE)
		l->link = link_by_name("RAW");
	if (l->link)
		return EXIT_DONE;
	complain(l->job->program, "%s is of kind %u (ARPHRD_*), whose packets are not known here",
		 l->job->opt.device, r.ifr_hwaddr.sa_family);
	return EXIT_FAILED;
}

static int attach(struct live *l)
{
	struct fprog p = { (unsigned short)l->job->filter.n, l->job->filter.v };
	const int on = 1;

	if (setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)))
		return fail(l, "attach the filter");
	if (l->job->opt.lock && setsockopt(l->fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)))
		return fail(l, "lock the filter");
	return EXIT_DONE;
}

static int open_output(struct live *l)
{
	uint8_t header[24];

	if (!l->job->opt.write)
		return EXIT_DONE;
	capture_header(header, l->link);
	l->out = capture_create(l->job->opt.write, header);
	return l->out ? EXIT_DONE : fail(l, "write the capture file");
}

static int open_signals(struct live *l)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return l->signals < 0 ? fail(l, "wait for signals") : EXIT_DONE;
}

static void print_packet(const struct timespec *when, const struct sockaddr_ll *from,
			 uint32_t length)
{
	static const char *const kinds[] = { "to us", "broadcast", "multicast", "to others",
					     "out" };
	struct tm tm;
	char text[16];

	localtime_r(&when->tv_sec, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%06ld %s, protocol 0x%04x, %u bytes\n", text, when->tv_nsec / 1000,
	       from->sll_pkttype < ARRAY_LEN(kinds) ? kinds[from->sll_pkttype] : "other",
	       ntohs(from->sll_protocol), length);
	fflush(stdout);
}

static int take_packet(struct live *l)
{
	struct sockaddr_ll from = { 0 };
	socklen_t size = sizeof(from);
	struct timespec when;
	ssize_t n = recvfrom(l->fd, l->data, sizeof(l->data), MSG_TRUNC | MSG_DONTWAIT,
			     (struct sockaddr *)&from, &size);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? EXIT_DONE : fail(l, "receive packets");
	clock_gettime(CLOCK_REALTIME, &when);
	uint32_t length = (uint32_t)n, got = MIN(length, sizeof(l->data));
	l->matched++;
	if (!l->out) {
		print_packet(&when, &from, length);
		return EXIT_DONE;
	}
	const uint32_t record[4] = { (uint32_t)when.tv_sec, (uint32_t)(when.tv_nsec / 1000), got,
				     length };
	errno = 0;
	if (capture_write(l->out, (const uint8_t *)record, l->data, got) || fflush(l->out))
		return fail(l, "write the capture file");
	return EXIT_DONE;
}

static int capture(struct live *l)
{
	struct pollfd fds[] = { { .fd = l->fd, .events = POLLIN },
				{ .fd = l->signals, .events = POLLIN } };
	int status = EXIT_DONE;

	while (!status && l->matched < l->job->limit) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return fail(l, "wait for packets");
		if (fds[1].revents)
			return EXIT_DONE;
		if (fds[0].revents)
			status = take_packet(l);
	}
	return status;
}

/* What the kernel counted; its packets are those that the filter accepted. */
static void tell(struct live *l)
{
	struct tpacket_stats {
		unsigned int packets, drops;
	} stats = { 0 };
	socklen_t size = sizeof(stats);
	enum { STATISTICS = 6 }; /* PACKET_STATISTICS of linux/if_packet.h */

	getsockopt(l->fd, SOL_PACKET, STATISTICS, &stats, &size);
	fprintf(stderr, "%llu packets match, %u lost for lack of room\n",
		(unsigned long long)l->matched, stats.drops);
}

static int run(struct live *l)
{
	struct sockaddr_ll at;
	const int unused = 0; /* the kernel wants an option's value even where it has none */
	int status = open_socket(l, &at);

	status = status ? status : filter_get(l->job, l->link);
	status = status ? status : attach(l);
	status = status ? status : open_output(l);
	status = status ? status : open_signals(l);
	if (status)
		return status;
	if (bind(l->fd, (struct sockaddr *)&at, sizeof(at)))
		return fail(l, "listen to the device");
	fprintf(stderr, "Listening on %s%s\n", l->job->opt.device,
		l->job->opt.lock ? ", filter locked" : "");
	status = capture(l);
	tell(l);
	if (!l->job->opt.lock &&
	    setsockopt(l->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)))
		return fail(l, "take the filter off");
	return status;
}

int filter_live(struct filter_job *job)
{
	struct live *l = arena_new(&job->arena, struct live);
	int status;

	*l = (struct live){ .job = job, .fd = -1, .signals = -1 };
	status = run(l);
	if (l->out && l->out != stdout)
		fclose(l->out);
	if (l->fd >= 0)
		close(l->fd);
	if (l->signals >= 0)
		close(l->signals);
	return status;
}

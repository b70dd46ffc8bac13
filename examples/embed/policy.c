/*
 * Runs a policy with helpers of one's own: the policy is a BPF program that decides about a
 * request and asks the host what it cannot know.
 *
 * Build: cc policy.c $(pkg-config --cflags --libs skep)
 */
#include <skep/skep.h>
#include <stdio.h>
#include <string.h>

/* What the policy gets in r1. */
struct request {
	uint32_t user;
	uint32_t amount;
	char path[24];
};

/* Numbers of helpers: any below 65536 that the kernel does not use. */
enum { CALL_BALANCE = 60000, CALL_LOG = 60001 };

static const char text[] = "r6 = r1\n"
			   "r1 = *(u32 *)(r6 +0)       ; user\n"
			   "call 60000                 ; balance of the user\n"
			   "r2 = *(u32 *)(r6 +4)       ; amount\n"
			   "if r0 >= r2 goto allow\n"
			   "r1 = r6\n"
			   "r1 += 8                    ; path\n"
			   "r2 = 24\n"
			   "call 60001                 ; log it\n"
			   "r0 = 0\n"
			   "exit\n"
			   "allow: r0 = 1\n"
			   "exit\n";

/* The host's side: what skep_run_set_ctx() hands to the helpers. */
struct bank {
	uint32_t balances[2];
};

static uint64_t balance(uint64_t user, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			struct skep_run *run)
{
	const struct bank *bank = skep_run_ctx(run);

	(void)b, (void)c, (void)d, (void)e;
	return user < 2 ? bank->balances[user] : 0;
}

static uint64_t log_path(uint64_t address, uint64_t size, uint64_t c, uint64_t d, uint64_t e,
			 struct skep_run *run)
{
	const char *path = skep_memory(run, address, size, false);

	(void)c, (void)d, (void)e;
	if (path) /* else the run ends when we return: the memory is not the program's */
		printf("refused: %.*s\n", (int)size, path);
	return 0;
}

static int decide(struct skep_run *run, const struct skep_prog *prog)
{
	struct request requests[] = { { 0, 50, "/books" }, { 1, 50, "/yachts" } };
	uint64_t allowed;
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		err = skep_run(run, prog, &requests[i], sizeof(requests[i]), &allowed);
		if (!err && allowed)
			printf("allowed: %s\n", requests[i].path);
	}
	return err;
}

int main(void)
{
	const struct skep_prog_options limits = { .fuel = 1000 };
	struct bank bank = { { 100, 10 } };
	struct skep_engine *engine = NULL;
	struct skep_object *object = NULL;
	struct skep_prog *prog = NULL;
	struct skep_run *run = NULL;
	struct skep_why why = { "" };
	int err = skep_engine_new(NULL, &engine);

	if (!err)
		err = skep_engine_helper(engine, CALL_BALANCE, "balance", balance);
	if (!err)
		err = skep_engine_helper(engine, CALL_LOG, "log", log_path);
	if (!err)
		err = skep_open_memory("policy", text, strlen(text), NULL, &object, &why);
	if (!err)
		err = skep_prog_new(engine, object, 0, &limits, &prog, &why);
	if (!err)
		err = skep_run_new(engine, 0, &run);
	if (!err) {
		skep_run_set_ctx(run, &bank);
		err = decide(run, prog);
		if (err)
			skep_run_why(run, &why);
	}
	if (err)
		fprintf(stderr, "%s\n", why.text[0] ? why.text : strerror(-err));
	skep_run_free(run);
	skep_prog_free(prog);
	skep_object_free(object);
	skep_engine_free(engine);
	return err ? 1 : 0;
}

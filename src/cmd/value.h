/* Keys and values of maps as text, for `skep run` and `skep test`. */
#ifndef SKEP_CMD_VALUE_H
#define SKEP_CMD_VALUE_H

#include "cmd/subject.h"

/* value_parse - the @size bytes that @text spells: a number for all of them; u8, u16, u32, u64 and
 * be16, be32 numbers one after the other ("u32 1 u32 2"); "text"; an IPv4 address; hex:0a0b. What
 * is left is zero. -EINVAL with the reason in @why. */
int value_parse(const char *text, void *to, size_t size, struct buf *why);

/* value_show - a number for 1, 2, 4 and 8 bytes, hex otherwise. */
void value_show(struct buf *out, const void *data, size_t size);

/* value_show_map - "name[key] = value" for each element that is not zero. */
void value_show_map(struct buf *out, struct map *m);
/* value_json_maps - the same for all maps as a member of a JSON object. */
void value_json_maps(struct buf *out, const struct subject *s);

#endif

/* command_keys.c: Redis's key specifications applied to the arguments of a call: see command_keys.h. */
#include "server/command_keys.h"

#include "shard/base/text.h"

#include <string.h>

/* Where a specification's search begins: an argument number, or -1 when its keyword does not occur. */
static int begin_of(const struct key_spec *spec, struct arg *argv, int argc) {
    if (spec->begin == BEGIN_INDEX) return spec->index < argc ? spec->index : -1;
    if (spec->begin != BEGIN_KEYWORD) return -1;
    int step = spec->index < 0 ? -1 : 1, from = spec->index < 0 ? argc + spec->index : spec->index;
    for (int i = from; i > 0 && i < argc; i += step)
        if (text_is(argv[i].data, argv[i].len, spec->keyword)) return i + 1 < argc ? i + 1 : -1;
    return -1;
}

struct key_range {
    int first, last, step;
};

/* The arguments that a specification covers. False when they do not exist. */
static bool range_of(const struct key_spec *spec, struct arg *argv, int argc, int begin,
                     struct key_range *r) {
    if (spec->find == FIND_RANGE) {
        int last = spec->last >= 0 ? begin + spec->last : argc + spec->last;
        if (spec->last < 0 && spec->limit > 1) last = begin + (argc - begin) / spec->limit + spec->last;
        *r = (struct key_range){begin, last, spec->step};
        return true;
    }
    if (spec->find != FIND_KEYNUM) return false;
    int at = begin + spec->keynum_index;
    int64_t count;
    if (at >= argc || !text_to_i64(argv[at].data, argv[at].len, &count) || count < 0 || count > argc)
        return false;
    int first = begin + spec->first_key;
    *r = (struct key_range){first, first + ((int)count - 1) * spec->step, spec->step};
    return true;
}

static uint32_t flags_of(const struct command *command, const struct key_spec *spec, const struct arg *argv,
                         unsigned argc) {
    bool depends = (spec->flags & KEY_VARIABLE_FLAGS) && command->key_flags;
    return depends ? command->key_flags(argv, argc) : spec->flags;
}

int command_find_keys(struct command *command, struct arg *argv, unsigned argc, unsigned *positions,
                      uint32_t *flags, unsigned max) {
    unsigned n = 0;
    for (unsigned s = 0; s < KEY_SPECS_MAX && command->keys[s].flags; s++) {
        const struct key_spec *spec = &command->keys[s];
        struct key_range range;
        if (spec->flags & KEY_NOT_KEY) continue;
        int begin = begin_of(spec, argv, (int)argc);
        if (begin < 0) continue;
        if (!range_of(spec, argv, (int)argc, begin, &range) || range.last >= (int)argc || range.step < 1)
            return -1;
        for (int i = range.first; i <= range.last && n < max; i += range.step) {
            if (flags) flags[n] = flags_of(command, spec, argv, argc);
            positions[n++] = (unsigned)i;
        }
    }
    uint32_t hidden_flags;
    unsigned hidden = command->hidden_key ? command->hidden_key(argv, argc, &hidden_flags) : 0;
    if (hidden && n < max) {
        if (flags) flags[n] = hidden_flags;
        positions[n++] = hidden;
    }
    return (int)n;
}

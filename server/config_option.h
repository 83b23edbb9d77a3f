/* config_option.h: what an option is, for the modules of the configuration alone.
 *
 * An option is a row of data; how its text becomes a value and back is its type's business. Types write to a
 * field of struct config that they are given by address, so the same code serves the field of a new snapshot
 * and a scratch value that is only to be checked (options without a field).
 *
 * Everything here is constant data and pure functions, usable by any thread.
 */
#ifndef GYRE_SERVER_CONFIG_OPTION_H
#define GYRE_SERVER_CONFIG_OPTION_H

#include "server/config.h"
#include "shard/base/text.h"

enum option_flag {
    OPTION_IMMUTABLE = 1 << 0, /* only at start */
    OPTION_PROTECTED = 1 << 1, /* at run time only with enable-protected-configs */
    OPTION_SENSITIVE = 1 << 2, /* kept out of MONITOR and the slow log */
    OPTION_MULTI = 1 << 3,     /* takes several words */
    OPTION_IDLE = 1 << 4,      /* taken and kept, but does nothing (yet): harmless whatever its value */
    OPTION_BY_HOOK = 1 << 5,   /* changes at run time only if a module has registered for it */
    OPTION_ANYTIME = 1 << 6,   /* applied even when the value stays the same */
};

enum { OPTION_NO_FIELD = -1, OPTION_FIELD_MAX = 512 };

struct option;

struct option_word {
    const char *name; /* NULL ends the list */
    int value;
};

/* `why` has room for CONFIG_WHY_MAX bytes throughout. */
struct option_type {
    /* Sets *field (zeroed, or holding what it owns) from at least one word. On failure says why and changes
     * nothing. */
    bool (*parse)(const struct option *o, const struct text_word *words, unsigned count, void *field,
                  char *why);
    /* A further line of the same file: adds to what the lines before it have set. NULL: it takes their place. */
    bool (*add)(const struct option *o, const struct text_word *words, unsigned count, void *field,
                char *why);
    /* Appends the value as CONFIG GET shows it. */
    void (*print)(const struct option *o, const void *field, struct buf *out);
    /* Appends the value as it stands in a file, behind the name; NULL: as print has it, quoted where
     * needed. */
    void (*print_for_file)(const struct option *o, const void *field, struct buf *out);
    /* Appends whole lines instead, for what takes several; NULL: one line. */
    void (*print_lines)(const struct option *o, const void *field, struct buf *out);
    /* Appends what is allowed, for a message; NULL: the reason of parse says it already. */
    void (*describe)(const struct option *o, struct buf *out);
    /* Replaces what a copied field points to by copies; NULL: it points to nothing. */
    void (*own)(const struct option *o, void *field);
    /* Frees what the field points to. */
    void (*release)(const struct option *o, void *field);
};

struct option {
    const char *name, *alias;
    const struct option_type *type;
    int offset; /* in struct config, or OPTION_NO_FIELD: only the default value is possible */
    const char *initial;
    uint32_t flags;
    int64_t min;
    uint64_t max;
    const struct option_word *words; /* of enumerations and sets of flags */
    /* A further condition on the parsed value. */
    bool (*check)(const struct option *o, const void *field, char *why);
};

extern const struct option option_table[];
extern const unsigned option_count;

extern const struct option_type option_bool, option_enum, option_flags, option_int, option_long,
    option_memory, option_memory_or_percent, option_octal, option_string;
/* config_special.c. */
extern const struct option_type option_bind, option_output_limit, option_percentiles, option_oom_values,
    option_save, option_replicaof, option_event_classes, option_directory;

bool option_check_file_name(const struct option *o, const void *field, char *why);
bool option_check_directory_name(const struct option *o, const void *field, char *why);
bool option_check_host_name(const struct option *o, const void *field, char *why);
bool option_check_title(const struct option *o, const void *field, char *why);
bool option_check_shutdown(const struct option *o, const void *field, char *why);
bool option_check_defrag(const struct option *o, const void *field, char *why);

/* By name or alias, in any case; NULL when unknown. */
const struct option *option_find(const char *name, size_t len);

static inline void *option_field(const struct option *o, struct config *c) {
    return (char *)c + o->offset;
}
static inline const void *option_field_const(const struct option *o, const struct config *c) {
    return (const char *)c + o->offset;
}
static inline bool option_has_field(const struct option *o) {
    return o->offset != OPTION_NO_FIELD;
}

/* Sets one option of a snapshot under construction. False with the reason; *unsupported tells a value that
 * redis-server would take from a wrong one. */
bool option_set(const struct option *o, struct config *c, const struct text_word *words, unsigned count,
                bool *unsupported, char *why);
/* The words of a value given as one text, as CONFIG SET and the command line have it: an option that takes several
 * words is parted at every single blank, any other is one word. *words is one allocation, to be freed. */
unsigned option_split(const struct option *o, const char *value, size_t len, struct text_word **words);
/* A new snapshot with the defaults; a copy of one. config_free frees a snapshot that was never published. */
struct config *config_defaults(void);
struct config *config_copy(const struct config *from);
void config_free(struct config *c);
/* The last touch once all is set: brings values into range that are taken, but not as they are. */
void config_normalize(struct config *c);
/* Makes `c` current and takes it over. With the lock held, or before threads start. */
void config_publish(struct config *c);

/* Its value as CONFIG GET shows it. */
void option_print(const struct option *o, const struct config *c, struct buf *out);
/* What values it may have, for a message; nothing where the reason of a refusal says it all. */
static inline void option_describe(const struct option *o, struct buf *out) {
    if (o->type->describe) o->type->describe(o, out);
}

#endif

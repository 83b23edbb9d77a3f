/* workload.c: see workload.h. */
#include "bench/workload.h"

#include "shard/base/assert.h"
#include "shard/base/buf.h"
#include "shard/base/mem.h"
#include "shard/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The command's name in capitals; the same name again gets a number. */
static void choose_title(const struct workload *w, const char *text, char *title) {
    size_t len = strcspn(text, " \t"), same = 1;
    if (len > WORKLOAD_TITLE_MAX / 2) len = WORKLOAD_TITLE_MAX / 2;
    for (size_t i = 0; i < len; i++) title[i] = (char)toupper((unsigned char)text[i]);
    title[len] = 0;
    for (unsigned i = 0; i < w->count; i++)
        same += !strncmp(w->command[i].title, title, len) && strchr(" ", w->command[i].title[len]) != NULL;
    if (same > 1) snprintf(title + len, WORKLOAD_TITLE_MAX - len, " #%zu", same);
}

static bool has_room(const struct workload *w, struct problem *problem) {
    if (w->count < WORKLOAD_COMMANDS_MAX) return true;
    return problem_note(problem, "a workload has at most %d commands", WORKLOAD_COMMANDS_MAX);
}

/* Adds a command whose template was made (or not: then nothing is added). */
static bool add_template(struct workload *w, struct template *template, const char *text, uint32_t weight) {
    if (!template) return false;
    struct workload_command *c = &w->command[w->count];
    char name[WORKLOAD_TITLE_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, " \t"), text);
    choose_title(w, text, c->title);
    c->template = template;
    c->text = mem_strdup(text);
    c->weight = weight;
    c->reads = catalog_reads(name);
    c->answer = catalog_answer(name);
    /* SET with GET or NX replies other things than OK, and only keys that are named after their value can
     * be checked. */
    if (!strncmp(c->title, "SET", 3) && (strstr(text, " GET") || strstr(text, " NX") || strstr(text, " XX")))
        c->answer = ANSWER_ANY;
    if ((c->answer == ANSWER_VALUE || c->answer == ANSWER_VALUES) && !strstr(text, "__key__"))
        c->answer = ANSWER_ANY;
    w->weight_total += weight;
    w->count++;
    return true;
}

bool workload_add(struct workload *w, const struct filling *filling, const char *text, uint32_t weight,
                  struct problem *problem) {
    if (!has_room(w, problem)) return false;
    while (text_is_blank(*text)) text++;
    return add_template(w, template_make_line(filling, text, problem), text, weight);
}

bool workload_add_words(struct workload *w, const struct filling *filling, char *const *words, unsigned count,
                        struct problem *problem) {
    struct buf text = {0};
    if (!has_room(w, problem)) return false;
    for (unsigned i = 0; i < count; i++) buf_printf(&text, "%s%s", i ? " " : "", words[i]);
    const bool added = add_template(w, template_make(filling, words, count, problem), text.data, 1);
    buf_free(&text);
    return added;
}

bool workload_add_known(struct workload *w, const struct filling *filling, const char *text, uint32_t weight,
                        struct problem *problem) {
    char whole[256];
    const bool tail = filling->set_tail && !strncmp(text, "SET ", 4);
    snprintf(whole, sizeof whole, "%s%s", text, tail ? filling->set_tail : "");
    return workload_add(w, filling, whole, weight, problem);
}

static bool add_part(struct workload *w, const struct filling *filling, const char *part, size_t len,
                     struct problem *problem) {
    const char *equals = memchr(part, '=', len);
    const size_t name_len = equals ? (size_t)(equals - part) : len;
    uint64_t weight = 1;
    const struct known_command *known = catalog_command(part, name_len);
    if (!known) {
        return problem_note(problem, "'%.*s' is not one of: %s (others by --command)", (int)name_len, part,
                            catalog_command_names());
    }
    if (equals &&
        (!text_to_u64(equals + 1, len - name_len - 1, &weight) || weight == 0 || weight > 1000000)) {
        return problem_note(problem, "the weight in '%.*s' is not a number from 1 to 1000000", (int)len,
                            part);
    }
    return workload_add_known(w, filling, known->text, (uint32_t)weight, problem);
}

bool workload_add_mix(struct workload *w, const struct filling *filling, const char *mix,
                      struct problem *problem) {
    for (const char *at = mix;; at++) {
        const size_t len = strcspn(at, ",");
        if (!add_part(w, filling, at, len, problem)) return false;
        at += len;
        if (!*at) return true;
    }
}

void workload_add_test(struct workload *w, const struct filling *filling, const struct known_test *test) {
    struct problem problem;
    if (test->is_inline) {
        struct workload_command *c = &w->command[w->count++];
        *c = (struct workload_command){
            .template = template_make_inline(test->text), .text = mem_strdup(test->text), .weight = 1};
        w->weight_total++;
    } else {
        bool added = workload_add(w, filling, test->text, 1, &problem);
        ASSERT(added);
    }
    snprintf(w->command[w->count - 1].title, WORKLOAD_TITLE_MAX, "%s", test->title);
}

void workload_free(struct workload *w) {
    for (unsigned i = 0; i < w->count; i++) {
        template_free(w->command[i].template);
        mem_free(w->command[i].text);
    }
    memset(w, 0, sizeof *w);
}

size_t workload_largest(const struct workload *w) {
    size_t largest = 0;
    for (unsigned i = 0; i < w->count; i++) {
        if (template_largest(w->command[i].template) > largest)
            largest = template_largest(w->command[i].template);
    }
    return largest;
}

unsigned workload_keys(const struct workload *w) {
    unsigned most = 0;
    for (unsigned i = 0; i < w->count; i++) {
        if (template_keys(w->command[i].template) > most) most = template_keys(w->command[i].template);
    }
    return most;
}

bool workload_has_data(const struct workload *w) {
    for (unsigned i = 0; i < w->count; i++) {
        if (template_has_data(w->command[i].template)) return true;
    }
    return false;
}

/* text.c: comparing words without regard to case.
 *
 * Command names, options and configuration names are ASCII and must compare the same in every locale, so the
 * C library's tolower and strcasecmp stay out of it. The rest of text.h is in text_number.c, text_glob.c and
 * text_split.c.
 */
#include "shard/base/text.h"

int text_casecmp(const char *a, size_t alen, const char *b, size_t blen) {
    size_t common = alen < blen ? alen : blen;
    for (size_t i = 0; i < common; i++) {
        int difference = text_lower_byte((unsigned char)a[i]) - text_lower_byte((unsigned char)b[i]);
        if (difference != 0) return difference;
    }
    return (alen > blen) - (alen < blen);
}

bool text_is(const char *text, size_t len, const char *word) {
    size_t i = 0;
    for (; i < len && word[i] != '\0'; i++) {
        if (text_lower_byte((unsigned char)text[i]) != text_lower_byte((unsigned char)word[i])) return false;
    }
    return i == len && word[i] == '\0';
}

void text_lower(char *text, size_t len) {
    for (size_t i = 0; i < len; i++) text[i] = (char)text_lower_byte((unsigned char)text[i]);
}

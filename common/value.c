#include "value.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "url.h"

static const char zone_directory[] = "/usr/share/zoneinfo";

enum { LONGEST_S = 366 * 24 * 60 * 60, LINK_MAX_BYTES = 500, ORIGINS_MAX_BYTES = 1000 };

/* RFC 3986: of a host with its port, and of all that may follow it; % is judged apart. */
static const char host_signs[] = "-.:[]";
static const char link_signs[] = "-._~:/?#@!$&'()*+,;=";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits up to max and returns where they end; NULL when there are none or they are more. */
static const char *digits(const char *text, long max, long *number)
{
    if (!is_digit(*text))
        return NULL;
    long sum = 0;
    for (; is_digit(*text); text++) {
        int digit = *text - '0';
        if (sum > (LONG_MAX - digit) / 10)
            return NULL;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return NULL;
    *number = sum;
    return text;
}

bool number_parse(const char *text, long min, long max, long *number)
{
    long found = 0;
    const char *end = digits(text, max, &found);
    if (end == NULL || *end != '\0' || found < min)
        return false;
    *number = found;
    return true;
}

static long unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        long seconds;
    } units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].seconds;
    return 0;
}

bool duration_parse(const char *text, long *ms)
{
    long count = 0;
    const char *unit = digits(text, LONGEST_S, &count);
    long seconds = unit == NULL ? 0 : unit_seconds(unit);
    if (seconds == 0 || count > LONGEST_S / seconds)
        return false;
    *ms = count * seconds * 1000;
    return true;
}

/* Whether text begins like shape, in which 0 stands for any digit. */
static bool shaped(const char *text, const char *shape)
{
    for (; *shape != '\0'; shape++, text++)
        if (*shape == '0' ? !is_digit(*text) : *text != *shape)
            return false;
    return true;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool date_valid(const char *text)
{
    int year = two_digits(text) * 100 + two_digits(text + 2);
    int month = two_digits(text + 5);
    int day = two_digits(text + 8);
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month);
}

static bool offset_valid(const char *text)
{
    if (strcmp(text, "Z") == 0)
        return true;
    if (!shaped(text, "+00:00") && !shaped(text, "-00:00"))
        return false;
    int minutes = two_digits(text + 1) * 60 + two_digits(text + 4);
    return text[6] == '\0' && two_digits(text + 4) <= 59 && minutes <= 14 * 60;
}

bool time_valid(const char *text)
{
    if (!shaped(text, "0000-00-00T00:00:00") || !date_valid(text))
        return false;
    if (two_digits(text + 11) > 23 || two_digits(text + 14) > 59 || two_digits(text + 17) > 59)
        return false;
    const char *zone = text + strlen("0000-00-00T00:00:00");
    if (*zone == '.') {
        /* microseconds are what PostgreSQL keeps */
        size_t count = strspn(zone + 1, "0123456789");
        if (count < 1 || count > 6)
            return false;
        zone += 1 + count;
    }
    return offset_valid(zone);
}

bool uuid_valid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(text) != strlen(shape))
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* A zone file begins with "TZif"; the folder holds tables and leap second lists as well. */
static bool is_zone_file(const char *path)
{
    char start[4] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool zone = fread(start, 1, sizeof start, file) == sizeof start &&
                memcmp(start, "TZif", sizeof start) == 0;
    fclose(file);
    return zone;
}

bool zone_known(const char *name)
{
    /* no dots: no way out of the folder, and what is in there never blocks */
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_+-/";
    char path[128];
    int length = snprintf(path, sizeof path, "%s/%s", zone_directory, name);
    if (length < 0 || (size_t)length >= sizeof path || name[strspn(name, allowed)] != '\0' ||
        name[0] == '/' || name[0] == '\0')
        return false;
    return access(zone_directory, F_OK) != 0 || is_zone_file(path);
}

bool address_plausible(const char *text)
{
    const char *at = strchr(text, '@');
    return at != NULL && at != text && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
           strlen(text) <= 254 && strpbrk(text, " \t\r\n<>()[]\",:;\\") == NULL;
}

/* Copy from[0..length) without the spaces around it; false when it does not fit. */
static bool copy_trimmed(char *to, size_t size, const char *from, size_t length)
{
    while (length > 0 && *from == ' ') {
        from++;
        length--;
    }
    while (length > 0 && from[length - 1] == ' ')
        length--;
    if (length >= size)
        return false;
    memcpy(to, from, length);
    to[length] = '\0';
    return true;
}

/* A display name loses its quotes; quotes or brackets within a bare one are a mistake. */
static bool unquote_name(char *name)
{
    if (*name != '"')
        return strpbrk(name, "<>\"") == NULL;
    char *to = name;
    const char *from = name + 1;
    for (; *from != '\0' && *from != '"'; from++) {
        if (*from == '\\' && from[1] != '\0')
            from++;
        *to++ = *from;
    }
    bool closed = from[0] == '"' && from[1] == '\0';
    *to = '\0';
    return closed;
}

bool mailbox_split(const char *mailbox, char *name, size_t name_size, char *address,
                   size_t address_size)
{
    size_t length = strlen(mailbox);
    while (length > 0 && mailbox[length - 1] == ' ')
        length--;
    const char *open = NULL;
    if (length > 0 && mailbox[length - 1] == '>')
        open = memrchr(mailbox, '<', length);
    const char *start = open == NULL ? mailbox : open + 1;
    size_t address_length = (size_t)(mailbox + length - start) - (open == NULL ? 0 : 1);
    return copy_trimmed(name, name_size, mailbox, open == NULL ? 0 : (size_t)(open - mailbox)) &&
           unquote_name(name) && copy_trimmed(address, address_size, start, address_length) &&
           address_plausible(address);
}

/* Whether [text, text + length) is letters, digits, these signs and whole %XX only. */
static bool is_made_of(const char *text, size_t length, const char *signs)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%') {
            if (url_percent(text + i, length - i) < 0)
                return false;
        } else if (!isalnum((unsigned char)text[i]) && strchr(signs, text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Where the part begins that may say for whom the link is; NULL when the front is not usable. */
static const char *behind_front(const char *text)
{
    static const char scheme[] = "https://", mail[] = "mailto:";
    char address[256];
    if (strncmp(text, scheme, sizeof scheme - 1) == 0) {
        const char *host = text + sizeof scheme - 1;
        size_t length = strcspn(host, "/?");
        bool good = length > 0 && host[0] != ':' && is_made_of(host, length, host_signs);
        return good && memchr(host, '%', length) == NULL ? host + length : NULL;
    }
    if (strncmp(text, mail, sizeof mail - 1) != 0)
        return NULL;
    const char *start = text + sizeof mail - 1;
    size_t length = strcspn(start, "?");
    if (length >= sizeof address)
        return NULL;
    memcpy(address, start, length);
    address[length] = '\0';
    return address_plausible(address) && is_made_of(start, length, link_signs) ? start + length
                                                                               : NULL;
}

bool link_valid(const char *text)
{
    static const char placeholder[] = "{{recipient}}";
    const char *rest = strlen(text) <= LINK_MAX_BYTES ? behind_front(text) : NULL;
    if (rest == NULL || strstr(rest, "=?") != NULL) /* looks like an encoded word in a header */
        return false;
    const char *place = strstr(rest, placeholder);
    if (place == NULL)
        return is_made_of(rest, strlen(rest), link_signs);
    const char *end = place + sizeof placeholder - 1;
    return is_made_of(rest, (size_t)(place - rest), link_signs) &&
           is_made_of(end, strlen(end), link_signs);
}

bool base_url_valid(const char *text)
{
    const char *scheme = strstr(text, "://");
    if (scheme == NULL || strlen(text) > LINK_MAX_BYTES ||
        (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0))
        return false;
    const char *host = scheme + 3;
    size_t length = strcspn(host, "/");
    return length > 0 && host[0] != ':' && is_made_of(host, length, host_signs) &&
           memchr(host, '%', length) == NULL && strpbrk(host, "?#@") == NULL &&
           is_made_of(host + length, strlen(host + length), link_signs);
}

/* The next of some origins, and where the one behind it begins. */
static struct span next_origin(const char **rest)
{
    struct span origin = { *rest, strcspn(*rest, ",") };
    *rest += origin.length + ((*rest)[origin.length] == ',');
    return origin;
}

/* A port that browsers say: not the one that the scheme has anyway. */
static bool is_port(const char *digits, size_t length, long standard)
{
    char text[6];
    long port;
    if (length >= sizeof text || digits[0] == '0')
        return false;
    memcpy(text, digits, length);
    text[length] = '\0';
    return number_parse(text, 1, 65535, &port) && port != standard;
}

/* Bytes of the host at text, in small letters; 0 when there is none. */
static size_t host_length(const char *text)
{
    if (text[0] != '[')
        return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    size_t length = 1 + strspn(text + 1, "0123456789abcdef:.");
    return length > 1 && text[length] == ']' ? length + 1 : 0;
}

static bool is_origin(const char *start, size_t length)
{
    bool is_safe = strncmp(start, "https://", 8) == 0;
    if (!is_safe && strncmp(start, "http://", 7) != 0)
        return false;
    const char *host = start + (is_safe ? 8 : 7), *end = start + length;
    const char *behind = host + host_length(host);
    return behind > host &&
           (behind == end || (*behind == ':' &&
                              is_port(behind + 1, (size_t)(end - behind - 1), is_safe ? 443 : 80)));
}

bool origins_valid(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > ORIGINS_MAX_BYTES || text[length - 1] == ',')
        return false;
    while (*text != '\0') {
        struct span origin = next_origin(&text);
        if (!is_origin(origin.start, origin.length))
            return false;
    }
    return true;
}

bool origins_hold(const char *origins, const char *origin)
{
    while (*origins != '\0') {
        struct span one = next_origin(&origins);
        if (one.length == strlen(origin) && memcmp(one.start, origin, one.length) == 0)
            return true;
    }
    return false;
}

bool names_next(const char **rest, char name[NAME_BYTES])
{
    size_t length = strcspn(*rest, ",");
    if (length == 0 || length >= NAME_BYTES)
        return false;
    memcpy(name, *rest, length);
    name[length] = '\0';
    *rest += length + ((*rest)[length] == ',' && (*rest)[length + 1] != '\0');
    return true;
}

static bool is_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c) || *c == '/')
            return false;
    return name[0] != ' ' && name[strlen(name) - 1] != ' ' && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

bool names_valid(const char *text)
{
    char name[NAME_BYTES], later[NAME_BYTES];
    const char *rest = text;
    while (names_next(&rest, name)) {
        if (!is_name(name))
            return false;
        for (const char *r = rest; names_next(&r, later);)
            if (strcmp(name, later) == 0)
                return false;
    }
    return rest != text && *rest == '\0';
}

/* value: the shapes that a value from the command line or the configuration may have. */
#ifndef COMMON_VALUE_H
#define COMMON_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/* A whole number from min to max (min at least 0), digits only. false when text is anything else;
 * *number is then untouched. */
bool number_parse(const char *text, long min, long max, long *number);

/* "30s" "5m" "2h" "3d" or a bare number of seconds, at most 366 days, into milliseconds.
 * false when text is anything else; *ms is then untouched. */
bool duration_parse(const char *text, long *ms);

/* True for ISO 8601 with seconds and zone: "2026-01-02T03:04:05+08:00", "2026-01-02T03:04:05.5Z".
 * The day must exist; leap seconds and offsets beyond 14 hours are refused. */
bool time_valid(const char *text);

/* True for an id of 32 hexadecimal digits in groups of 8-4-4-4-12. */
bool uuid_valid(const char *text);

/* True for the name of a zone in the system's zone database ("Asia/Taipei"). On a machine without
 * that database any name of the right letters passes: PostgreSQL has its own and will say. */
bool zone_known(const char *name);

/* Whether text looks like one mail address at all: one @ with something on both sides, at most 254
 * bytes, no blanks, brackets or quotes. message_address judges it before it is used. */
bool address_plausible(const char *text);

/* Split "Name <address>", "\"Name\" <address>", "<address>" or a bare address; name may turn out
 * "". Both buffers are filled or false; the address is plausible. */
bool mailbox_split(const char *mailbox, char *name, size_t name_size, char *address,
                   size_t address_size);

/* True for a link that a mail may show: "https://host…" or "mailto:name@host…", at most 500 bytes
 * of what RFC 3986 allows. {{recipient}} may stand in it once, behind the host or behind the "?".
 */
bool link_valid(const char *text);

/* True for the front of web addresses: "https://host:443/path" or http, at most 500 bytes, without
 * user, query and fragment. */
bool base_url_valid(const char *text);

/* True for origins with commas between them, as browsers say them: "https://host",
 * "http://host:8080", in small letters, no port that the scheme has anyway, at most 1,000 bytes in
 * all. */
bool origins_valid(const char *text);

/* Whether origin, of a request, is one of such origins. */
bool origins_hold(const char *origins, const char *origin);

/* True for names with commas between them. A name has 1 to NAME_BYTES - 1 bytes, no slash, no
 * control character, no blank at its ends, and is neither "." nor ".."; none is there twice. */
bool names_valid(const char *text);

enum { NAME_BYTES = 128 };

/* Take the next of such names: true with name filled and *rest behind it, false at the end. */
bool names_next(const char **rest, char name[NAME_BYTES]);

#endif

# cleanup-data's files: what nothing refers to goes, nothing else ever does. The storage is a local
# folder here; storage-*.bats have the drivers, random-files.bats both of them at random.
# bats tests/jobs/unused-files.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job
load ../lib/files
load ../lib/shows
load ../lib/support

setup_file() {
    start_cluster
    build_old_files
}

setup() { setup_files; }

teardown() {
    [[ -z ${ROLE-} ]] || sql "DROP OWNED BY \"$ROLE\"; DROP ROLE \"$ROLE\"" 2>/dev/null || true
    teardown_files
}

# many N: so many files that are referred to, so that no limit is near
many() {
    local n
    for ((n = 1; n <= $1; n++)); do
        file "used/$n.jpg"
        refer "used/$n.jpg"
    done
}

used() { files | tr ' ' '\n' | grep -v '^tickeasy-files/used/' | paste -sd' '; } # all others

# --- which files ----------------------------------------------------------------------------------

# bats test_tags=both
@test "a file goes when nothing refers to it and it is older than a day" {
    many 2
    file old.jpg '25 hours'
    file young.jpg '23 hours'
    file future.jpg '-3 days'
    clean_files
    assert_success
    refute_output
    assert_equal "$stderr" ''
    assert_equal "$(used)" 'tickeasy-files/future.jpg tickeasy-files/young.jpg'
    assert_equal "$(result listedFiles) $(result unusedFiles) $(result unusedBytes) $(result keptFiles)" '5 1 1 0'
    FILE_MIN_AGE=1h FILE_MAX_DELETE_PERCENT=100 clean_files
    assert_success
    assert_equal "$(used)" 'tickeasy-files/future.jpg'
}

# bats test_tags=design
@test "every column that can hold a file keeps it" {
    local n
    for n in {1..12}; do file "$n.jpg"; done
    sql "INSERT INTO users (id, name, avatar) VALUES ('$(uuid 1)', 'a', '1.jpg');
         INSERT INTO organizations (id, name, logo, owner_id) VALUES ('$(uuid 1)', 'o', '2.jpg', '$(uuid 1)');
         INSERT INTO venues (id, name, address, city, seating_chart)
         VALUES ('$(uuid 1)', 'v', '', '', '{\"levels\": [{\"plan\": \"/3.jpg\"}]}');
         INSERT INTO concerts (id, title, description, poster_image, venue_id, organization_id)
         VALUES ('$(uuid 1)', 'c', 'look: https://x/object/public/tickeasy-files/4.jpg.', '5.jpg', '$(uuid 1)', '$(uuid 1)');
         INSERT INTO concert_sessions (id, concert_id, name, start_time, end_time)
         VALUES ('$(uuid 1)', '$(uuid 1)', 's', now(), now());
         INSERT INTO ticket_types (id, concert_id, name, price, total_quantity, available_quantity, seating_areas)
         VALUES ('$(uuid 1)', '$(uuid 1)', 't', 1, 1, 1, '[[[\"6.jpg\"]]]');
         INSERT INTO tickets (session_id, ticket_type_id, ticket_number, metadata)
         VALUES ('$(uuid 1)', '$(uuid 1)', 'T1', '{\"qr\": \"7.jpg\"}');
         INSERT INTO support_sessions (id, context) VALUES ('$(uuid 1)', '\"8.jpg\"');
         INSERT INTO support_messages (session_id, content, metadata)
         VALUES ('$(uuid 1)', '圖：/storage/v1/object/public/tickeasy-files/9.jpg。謝謝', '{\"files\": [1, null, \"10.jpg\"]}');
         INSERT INTO orders (order_number, user_id, total_amount, contact_info)
         VALUES ('1', '$(uuid 1)', 1, '{\"name\": \"王\", \"email\": \"a@example.com\", \"card\": \"11.jpg\"}'),
                ('2', '$(uuid 1)', 1, '\"a text alone\"')"
    clean_files
    assert_success
    assert_equal "$(comm -3 <(files | tr ' ' '\n' | sort) <(printf 'tickeasy-files/%s.jpg\n' {1..11} | sort))" ''
}

# The sample has a row of each table.
one_of_each() {
    buys 1
    sql "INSERT INTO \"supportSession\" (\"supportSessionId\") VALUES ('$(uuid 1)');
         INSERT INTO \"supportMessage\" (\"sessionId\", \"senderType\") VALUES ('$(uuid 1)', 'user')"
}

# bats test_tags=backend
@test "every column of the backend that can hold a file keeps it" {
    local column n=0 public=https://p.supabase.co/storage/v1/object/public
    one_of_each
    while IFS='|' read -r table column value; do
        n=$((n + 1))
        file "$n.jpg"
        file "temp/$n.jpg"
        sql "UPDATE \"$table\" SET \"$column\" = '${value//@/$public/tickeasy-files/$n.jpg}'"
        clean_files # each alone is enough
        assert_success
        [[ -e files/tickeasy-files/$n.jpg && ! -e files/tickeasy-files/temp/$n.jpg ]] || fail "$table.$column does not keep it"
    done <<'END'
users|avatar|@
concert|imgBanner|@
concert|conIntroduction|<p>海報：<img src="@"></p>
concert|ticketPurchaseMethod|![](@)
concert|precautions|請看@。
concert|refundPolicy|@
concert|reviewNote|see @.
concertSession|imgSeattable|@
venues|venueImageUrl|@
venues|venueDescription|<img src=@>
ticketType|ticketBenefits|@
ticketType|ticketRefundPolicy|@
supportMessage|messageText|圖：@ 謝謝
supportMessage|metadata|{"fileUrl": "@", "files": [1, null, {"a": "x"}]}
END
    assert_equal "$n" 14
    assert_equal "$(files | wc -w)" 14
}

# bats test_tags=backend
@test "the key of a document may name a file as well" {
    one_of_each
    file 1.jpg
    file 2.jpg
    refer 2.jpg
    sql "UPDATE \"supportMessage\" SET metadata = '{\"/1.jpg\": true}'"
    clean_files
    assert_success
    assert_equal "$(files)" 'tickeasy-files/1.jpg tickeasy-files/2.jpg'
}

# bats test_tags=backend
@test "the buckets of the backend are its three, where uploads that nobody attached go, and no others" {
    local bucket public=https://p.supabase.co/storage/v1/object/public
    unset STORAGE_BUCKETS
    one_of_each
    for bucket in avatar venue concert; do
        BUCKET=$bucket file used.jpg
        BUCKET=$bucket file unused.jpg
        BUCKET=$bucket file temp/$bucket/old.jpg '25 hours'
        BUCKET=$bucket file temp/$bucket/young.jpg '23 hours'
        BUCKET=$bucket file temp/$bucket/attached.jpg
        BUCKET=$bucket file temp/$bucket/more.jpg '1 hour'
    done
    sql "UPDATE users SET avatar = '$public/avatar/used.jpg'; UPDATE venues SET \"venueImageUrl\" = '$public/venue/used.jpg';
         UPDATE concert SET \"imgBanner\" = '$public/concert/used.jpg';
         UPDATE \"concertSession\" SET \"imgSeattable\" = '$public/concert/temp/concert/attached.jpg'"
    refer "$public/avatar/temp/avatar/attached.jpg"
    refer "$public/venue/temp/venue/attached.jpg"
    clean_files
    assert_success
    assert_equal "$(files)" "$(for bucket in avatar concert venue; do
        printf "$bucket/%s " "temp/$bucket/attached.jpg" "temp/$bucket/more.jpg" "temp/$bucket/young.jpg" used.jpg; done | sed 's/ $//')"
    assert_equal "$(result listedFiles) $(result unusedFiles)" '18 6'
    run taskctl config --json
    assert_output --partial 'avatar,venue,concert'
}

# bats test_tags=backend,f29
@test "what login services and the payment provider sent is neither read nor complained about, but a new column is" {
    many 1
    file 1.jpg
    one_of_each
    sql "UPDATE users SET \"oauthProviders\" = '[\"1.jpg\"]', \"searchHistory\" = '[\"1.jpg\"]'"
    ROLE=jobs-$DATABASE_NAME
    sql "CREATE ROLE \"$ROLE\" LOGIN; GRANT USAGE ON SCHEMA tickeasy_jobs TO \"$ROLE\";
         GRANT ALL ON ALL TABLES IN SCHEMA tickeasy_jobs TO \"$ROLE\"; GRANT SELECT (avatar) ON users TO \"$ROLE\";
         GRANT SELECT ON concert, \"concertSession\", venues, \"ticketType\", \"supportMessage\" TO \"$ROLE\";
         GRANT TEMPORARY ON DATABASE $DATABASE_NAME TO \"$ROLE\""
    DATABASE_URL=${DATABASE_URL/postgres@/$ROLE@} clean_files
    assert_success
    assert_equal "$(files)" 'tickeasy-files/used/1.jpg'
    file 1.jpg
    sql 'ALTER TABLE organization ADD "orgLogo" text; ALTER TABLE payment ADD receipt jsonb'
    clean_files
    refused 'public.organization.orgLogo, public.payment.receipt may refer to files, and file_references.sql of APP_SCHEMA backend does not read it; .*'
    FILE_IGNORE_COLUMNS=organization.orgLogo,payment.receipt clean_files
    assert_success
    sql 'ALTER TABLE venues DROP "googleMapUrl"' # what we name ourselves need not be there
    FILE_IGNORE_COLUMNS=organization.orgLogo,payment.receipt clean_files
    assert_success
}

# keeps NAME REFERENCE...: each of these references alone keeps the file of that name, and not its
# neighbour; after many 1
keeps() {
    local name=$1 reference
    shift
    for reference in "$@"; do
        file "$name"
        file neighbour
        sql "DELETE FROM users WHERE avatar <> 'used/1.jpg'"
        refer "$reference"
        FILE_MAX_DELETE_PERCENT=100 clean_files
        assert_success
        [[ -e files/tickeasy-files/$name ]] || { echo "$reference does not keep $name"; return 1; }
        [[ ! -e files/tickeasy-files/neighbour ]] || { echo "$reference keeps everything"; return 1; }
    done
}

@test "a reference may be a path, or a public, signed or rendered link, of any host" {
    many 1
    keeps posters/1.jpg posters/1.jpg /posters/1.jpg ./posters/1.jpg ' posters/1.jpg ' \
        tickeasy-files/posters/1.jpg /uploads/tickeasy-files/posters/1.jpg public/uploads/posters/1.jpg \
        https://p.supabase.co/storage/v1/object/public/tickeasy-files/posters/1.jpg \
        http://localhost:5000/object/public/tickeasy-files/posters/1.jpg \
        https://p.supabase.co/storage/v1/render/image/sign/tickeasy-files/posters/1.jpg \
        https://gate.example.com/p/storage/v1/object/authenticated/tickeasy-files/posters/1.jpg \
        https://p.supabase.co/storage/v1/object/public/other/object/tickeasy-files/posters/1.jpg \
        'https://p.supabase.co/storage/v1/object/sign/tickeasy-files/posters/1.jpg?token=eyJ.a-b/c_d' \
        'https://p.supabase.co/storage/v1/render/image/public/tickeasy-files/posters/1.jpg?width=200&height=100' \
        'https://p.supabase.co/storage/v1/object/authenticated/tickeasy-files/posters/1.jpg#x' \
        https://p.supabase.co/storage/v1/object/tickeasy-files/posters/1.jpg \
        https://cdn.example.com/posters/1.jpg 'https://cdn.example.com/a/posters/1.jpg?v=2' \
        '/_next/image?url=https%3A%2F%2Fp.supabase.co%2Fstorage%2Fv1%2Fobject%2Fpublic%2Ftickeasy-files%2Fposters%2F1.jpg&w=640' \
        'posters%2F1.jpg' 'https://app/api/file?id=7&path=posters%2F1.jpg&x=' \
        'HTTPS://cdn.example.com/posters/1.jpg' '//cdn.example.com/posters/1.jpg'
}

@test "a reference may stand in HTML, Markdown, JSON or a sentence" {
    [[ $APP_SCHEMA == design ]] || sql 'ALTER TABLE users ALTER avatar TYPE text' # the last ones are long
    many 1
    local link=https://p.supabase.co/storage/v1/object/public/tickeasy-files/posters/1.jpg
    keeps posters/1.jpg "<p>海報：<img src=\"$link\"></p>" "<img src='$link?a=1&amp;b=2'/>" "<img src=$link>" \
        "![海報]($link)" "請看$link，謝謝。" "請看 $link。謝謝" "see $link." "($link)" "[$link]" \
        "{\"url\": \"$link\"}" "{\"url\":\"${link//\//\\/}\"}" "a, $link, b" "$link,$link?x" \
        "$(printf 'line one\n%s\nline three' "$link")" "srcset=\"$link 1x, https://a/b 2x\"" \
        'background: url(posters/1.jpg)' '<img src=posters/1.jpg>' "{\"url\":\"${link//:/\\u003a}\"}" "<img src=\"$(sed 's,/,\&#x2F;,g' <<<"$link")\">" \
        "<img src=\"$(sed 's,/,\&#47;,g' <<<"$link")\">" \
        "$(head -c 9000 /dev/zero | tr '\0' 'x') $link" "$(head -c 9000 /dev/zero | tr '\0' x),$link,$(head -c 9000 /dev/zero | tr '\0' x)"
}

# keeps_names NAME...: encoded or not, in whatever a name may stand
keeps_names() {
    local name encoded base=https://p.supabase.co/storage/v1/object/public/tickeasy-files
    many 1
    for name in "$@"; do
        encoded=$(python3 -c 'import sys, urllib.parse as u; print(u.quote(sys.argv[1], safe=sys.argv[2]), end="")' "$name" '/')
        keeps "$name" "$name" "$base/$name" "$base/$encoded" "$base/$encoded?token=x" "tickeasy-files/$encoded" \
            "<img src=\"$base/$encoded\">" "$(python3 -c 'import sys, html; print(html.escape(sys.argv[1]), end="")' "$base/$name")" \
            "$(python3 -c 'import sys, unicodedata as u; print(u.normalize("NFC", sys.argv[1]), end="")' "$name")"
    done
}

@test "names with Chinese, blanks, quotes, backslash and newline, encoded or not" {
    keeps_names '海報/五月天 2026.jpg' "it's \"x\".jpg" 'a\b.jpg' $'a\nb.jpg' $'a\rb.jpg' ' a.jpg' 'a.jpg ' 'ａ，b。.jpg' \
        $'cafe\u0301.jpg'
}

@test "names with what stands for something in a link, encoded or not" {
    keeps_names '100%.jpg' 'a%20b.jpg' 'a#1.jpg' 'a?b.jpg' 'a&b.jpg' 'a+b.jpg' 'a:b/c:d' 'http:/a.jpg'
}

@test "names with brackets, dots and dashes, encoded or not" {
    keeps_names '(a).jpg' 'a).jpg' 'a;b,c|d.jpg' '.hidden' 'a..jpg' 'a=b' '-'
}

@test "a link into another bucket keeps nothing here, and each bucket is cleaned" {
    many 1
    BUCKET=avatar file 1.jpg
    BUCKET=avatar file 2.jpg
    BUCKET=venue file 1.jpg
    BUCKET=venue file 2.jpg
    refer https://p.supabase.co/storage/v1/object/public/avatar/1.jpg
    refer https://p.supabase.co/storage/v1/object/public/venue/2.jpg
    refer https://p.supabase.co/storage/v1/object/public/elsewhere/2.jpg
    STORAGE_BUCKETS=avatar,venue clean_files
    assert_success
    assert_equal "$(used)" 'avatar/1.jpg venue/2.jpg'
    assert_equal "$(result listedFiles) $(result unusedFiles)" '4 2'
}

@test "what only looks like a file that is referred to goes" {
    many 3
    local name
    for name in temp/a.jpg temp2/a.jpg Temp/a.jpg temp/A.jpg temp/a.jpg2 temp/a.jp xtemp/a.jpg; do file "$name"; done
    refer https://x/object/public/tickeasy-files/temp/a.jpg
    FILE_MAX_DELETE_PERCENT=90 clean_files
    assert_success
    assert_equal "$(used)" 'tickeasy-files/temp/a.jpg'
}

@test "what keeps an empty folder stays, and so do folders" {
    many 3
    file empty/.emptyFolderPlaceholder
    file .emptyFolderPlaceholder
    file emptied/x.jpg
    clean_files
    assert_success
    assert_equal "$(used)" 'tickeasy-files/.emptyFolderPlaceholder tickeasy-files/empty/.emptyFolderPlaceholder'
    [[ -d files/tickeasy-files/emptied ]]
}

# --- quarantine -----------------------------------------------------------------------------------

# bats test_tags=both
@test "a file is deleted a day after it was first found unused, when it still is" {
    unset FILE_QUARANTINE_DAYS
    many 4
    file 1.jpg
    file 2.jpg
    clean_files
    assert_success
    assert_equal "$(used)|$(candidates)" 'tickeasy-files/1.jpg tickeasy-files/2.jpg|1.jpg 2.jpg'
    assert_equal "$(result unusedFiles) $(result waitingFiles)" '0 2'
    days_pass 0.9
    file 3.jpg
    clean_files
    assert_equal "$(candidates)|$(result unusedFiles) $(result waitingFiles)" '1.jpg 2.jpg 3.jpg|0 3'
    days_pass 0.1
    refer 2.jpg
    clean_files
    assert_success
    assert_equal "$(used)|$(candidates)" 'tickeasy-files/2.jpg tickeasy-files/3.jpg|3.jpg'
    assert_equal "$(result unusedFiles) $(result waitingFiles)" '1 1'
}

@test "a candidate that is used for a while, or is written anew, starts over" {
    unset FILE_QUARANTINE_DAYS
    many 4
    file 1.jpg
    file 2.jpg
    clean_files
    refer 1.jpg
    clean_files
    assert_equal "$(candidates)" '2.jpg'
    sql "DELETE FROM users WHERE avatar = '1.jpg'"
    days_pass 2
    file 2.jpg '26 hours'
    clean_files
    assert_success
    assert_equal "$(used)|$(candidates)|$(result unusedFiles)" 'tickeasy-files/1.jpg tickeasy-files/2.jpg|1.jpg 2.jpg|0'
}

@test "a refused look takes what is used by now off the candidates, too" {
    unset FILE_QUARANTINE_DAYS
    many 4
    file 1.jpg
    file 2.jpg
    clean_files
    refer 1.jpg
    FILE_MAX_DELETE_PERCENT=1 clean_files
    assert_failure 1
    assert_equal "$(candidates)" '2.jpg'
}

@test "a quarantine begins no earlier than it does, whatever --now says" {
    unset FILE_QUARANTINE_DAYS
    many 1
    file 1.jpg '9000 days'
    clean_files --now 2010-01-01T00:00:00Z
    assert_success
    clean_files
    assert_success
    assert_equal "$(used)|$(candidates)" 'tickeasy-files/1.jpg|1.jpg'
}

@test "a run leaves the candidates of other buckets alone" {
    unset FILE_QUARANTINE_DAYS
    many 1
    file 1.jpg
    clean_files
    mkdir files/avatar
    STORAGE_BUCKETS=avatar clean_files
    assert_equal "$(candidates)" '1.jpg'
}

@test "what a person has approved of does not count for the limit again" {
    unset FILE_QUARANTINE_DAYS
    many 4
    for n in 1 2 3 4 5 6; do file "$n.jpg"; done
    clean_files --force-files
    assert_success
    file 7.jpg
    file 8.jpg
    file 9.jpg
    file 10.jpg
    file 11.jpg
    clean_files
    assert_failure 1
    assert_regex "$stderr" 'nothing is deleted: 5 of 15 files in bucket tickeasy-files are unused, more than '
}

@test "--list-candidates shows them, as a table or JSON, and deletes nothing" {
    clean_files --list-candidates
    assert_success
    assert_output 'no candidates'
    unset FILE_QUARANTINE_DAYS
    many 1
    file '海 1.jpg'
    clean_files
    sql "UPDATE tickeasy_jobs.file_candidates SET unused_since = '2026-01-02 00:00Z', changed_at = '2026-01-01 00:00Z'"
    run cleanup-data --list-candidates
    assert_success
    assert_equal "$(sed 's/ *$//; s/  */ /g' <<<"$output")" 'bucket path bytes changed unused_since deleted_from approved
tickeasy-files 海 1.jpg 1 2026-01-01 08:00 2026-01-02 08:00 2026-01-03 08:00 no'
    run cleanup-data --list-candidates --json
    assert_output '[{"bucket":"tickeasy-files","path":"海 1.jpg","bytes":1,"changed":"2026-01-01 08:00","unused_since":"2026-01-02 08:00","deleted_from":"2026-01-03 08:00","approved":false}]'
    run cleanup-data --list-candidates --force-files
    assert_failure 64
    assert_output 'cleanup-data: --list-candidates goes alone: it deletes nothing'
}

# --- refusals -------------------------------------------------------------------------------------

refused() { # WORDS, a pattern of the message behind "nothing is deleted: "
    assert_failure 1
    assert_regex "$stderr" "^cleanup-data: part files: unused files: nothing is deleted: $1\$"
    assert_equal "$(result failedParts) $(result unusedFiles) $(candidates)" '1 0 '
}

# bats test_tags=f30
@test "when no listed file is referred to, nothing is deleted, forced or not" {
    file 1.jpg
    file young.jpg '1 hour'
    refer elsewhere/x.jpg
    local words='not one of 2 files is referred to; look whether this is the right database and STORAGE_BUCKETS are the right buckets'
    clean_files
    refused "$words"
    clean_files --force-files
    refused "$words"
    assert_equal "$(files)" 'tickeasy-files/1.jpg tickeasy-files/young.jpg'
    sql 'DELETE FROM users'
    clean_files --force-files
    refused "$words"
}

# bats test_tags=f30
@test "when more than half of a bucket would go, nothing is deleted until a person approves" {
    many 2
    BUCKET=avatar file 1.jpg
    BUCKET=avatar file 2.jpg
    BUCKET=avatar file 3.jpg
    file x.jpg
    refer avatar/1.jpg
    export STORAGE_BUCKETS=avatar,tickeasy-files
    clean_files
    refused '2 of 3 files in bucket avatar are unused, more than FILE_MAX_DELETE_PERCENT=50; look at them with --dry-run --manifest FILE, then approve of them with --force-files'
    assert_equal "$(used)" 'avatar/1.jpg avatar/2.jpg avatar/3.jpg tickeasy-files/x.jpg'
    FILE_MAX_DELETE_PERCENT=66 clean_files
    refused '2 of 3 files in bucket avatar are unused, more than FILE_MAX_DELETE_PERCENT=66; .*'
    clean_files --force-files
    assert_success
    assert_equal "$(used)" 'avatar/1.jpg'
}

@test "exactly half may go" {
    many 2
    file 1.jpg
    file 2.jpg
    clean_files
    assert_success
    assert_equal "$(used)" ''
}

# bats test_tags=f30
@test "what a person has approved of goes a day later, by cron's run as well" {
    unset FILE_QUARANTINE_DAYS
    many 1
    file 1.jpg
    file 2.jpg
    clean_files --force-files
    assert_success
    assert_equal "$(candidates)" '1.jpg 2.jpg'
    days_pass 1
    clean_files
    assert_success
    assert_equal "$(used)" ''
}

# bats test_tags=f29
@test "a column that looks like files and that nobody reads stops it, until it is told to hold none" {
    many 1
    file 1.jpg
    sql 'ALTER TABLE venues ADD cover_photo text; CREATE TABLE articles (id int, "heroImages" jsonb, profile text, status text)'
    clean_files
    refused "public.articles.heroImages, public.venues.cover_photo may refer to files, and file_references.sql of APP_SCHEMA $APP_SCHEMA does not read it; a column that holds none goes into FILE_IGNORE_COLUMNS"
    run --separate-stderr cleanup-data --check
    assert_failure 78
    FILE_IGNORE_COLUMNS=venues.cover_photo,articles.heroImages clean_files
    assert_success
    assert_equal "$(used)" ''
}

# bats test_tags=f29
@test "columns of every schema are looked at, and a whole schema can be told to hold none" {
    many 1
    file 1.jpg
    sql 'CREATE SCHEMA cms CREATE TABLE pages (id int, hero_image varchar(99), "ogImageUrl" text[]);
         CREATE SCHEMA auth CREATE TABLE users (avatar_url text);
         CREATE DOMAIN link AS text; CREATE TABLE parts (video link, n int) PARTITION BY RANGE (n);
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (2)'
    clean_files
    refused 'cms.pages.hero_image, cms.pages.ogImageUrl, public.parts.video may refer.*'
    FILE_IGNORE_COLUMNS='cms.*' clean_files
    refused 'public.parts.video may refer.*'
    FILE_IGNORE_COLUMNS='cms.*,public.parts.video' clean_files
    assert_success
}

# looks_like_files COLUMN...: --check names each of these, alone in a table, as one that nobody reads
looks_like_files() {
    local columns="\"${1//\"/}\" text" name
    for name in "${@:2}"; do columns+=", \"$name\" text"; done
    sql "CREATE TABLE odd ($columns)"
    run --separate-stderr cleanup-data --check
    sql 'DROP TABLE odd'
    assert_failure 78
    assert_equal "$(sed 's/.*nothing is deleted: //; s/ may refer.*//; s/, /\n/g' <<<"$stderr" | sort)" \
        "$(printf 'public.odd.%s\n' "$@" | sort)"
}

# bats test_tags=f29
@test "a name's words may run together, and be in capitals, with blanks or in Chinese" {
    looks_like_files photourl coverimage PDFUrl PosterURL cover-image 'cover image' userphoto imgurl downloadURLs pic2
    looks_like_files 圖片 照片 檔案 附件 海報 頭像 網址 連結 活動封面 'ＵＲＬ'
    looks_like_files body bodyHtml html content gallery markdown description attachment_1 filekey userfile
    looks_like_files imguri docs file_src MENU_PIC albumcover seatMap storage_key profile_file LogoDark 照片url
}

@test "names that only hold such a word stop nothing" {
    sql "CREATE TABLE odd (profile text, topic text, recovery_code text, intermediate text, doctor text, picked_by text,
             filed_at text, logout_reason text, linked_to text, coverage text, content_type text, epic text,
             note text, remark text, lock_token text, 檔期 text, pathway text, curling text)"
    run --separate-stderr cleanup-data --check
    assert_success
}

@test "of the running backend's tables only the columns with files are named" {
    sql 'CREATE SCHEMA backend;
         SET search_path = backend;
         CREATE TABLE users (id uuid, name text, email text, avatar text, role text);
         CREATE TABLE "order" ("orderId" uuid, "orderStatus" text, "isLocked" boolean, "lockToken" text, "lockExpireTime" timestamp,
             "purchaserName" text, "purchaserEmail" text, "orderNumber" varchar(32));
         CREATE TABLE "concertSession" ("sessionId" uuid, "sessionTitle" text, "sessionStart" time, "imgSeattable" text);
         CREATE TABLE concert ("conTitle" text, "conLocation" text, "conAddress" text, "imgBanner" text, "conInfoStatus" text);
         CREATE TABLE venues (id uuid, "venueImageUrl" text);
         CREATE TABLE ticket ("ticketId" uuid, "purchaserName" text, "purchaserEmail" text, status text)'
    clean_files
    refused 'backend.concert.imgBanner, backend.concertSession.imgSeattable, backend.users.avatar, backend.venues.venueImageUrl may refer.*'
}

# bats test_tags=f29
@test "JSON, XML and hstore may hold links whatever the column's name" {
    sql 'CREATE EXTENSION hstore; CREATE DOMAIN form AS jsonb;
         CREATE TABLE odd (a json, b jsonb, c hstore, d xml, e jsonb[], f form, g form[], h bytea, i int, j text)'
    clean_files
    refused 'public.odd.a, public.odd.b, public.odd.c, public.odd.d, public.odd.e, public.odd.f, public.odd.g may refer.*'
}

@test "domains, arrays and composite types are taken apart" {
    sql 'CREATE EXTENSION citext;
         CREATE DOMAIN line_of AS text; CREATE DOMAIN link AS line_of; CREATE DOMAIN links AS text[]; CREATE DOMAIN many AS link[];
         CREATE TABLE odd (photo_1 link, photo_2 links, photo_3 citext, photo_4 citext[], photo_5 link[], photo_6 many,
                           photo_7 varchar(9)[][], photo_8 bytea, photo_9 uuid, words link)'
    clean_files
    refused 'public.odd.photo_1, public.odd.photo_2, public.odd.photo_3, public.odd.photo_4, public.odd.photo_5, public.odd.photo_6, public.odd.photo_7 may refer.*'
    sql 'DROP TABLE odd;
         CREATE TYPE plain AS (photo text, words int); CREATE TYPE nested AS (n int, items plain[]); CREATE DOMAIN one AS plain;
         CREATE TYPE parts AS (n int, answer jsonb); CREATE TYPE harmless AS (photo int, photo_at timestamptz, words text);
         CREATE TABLE odd (a plain, b nested, c one, d parts[], e harmless, photo_1 harmless)'
    clean_files
    refused 'public.odd.a, public.odd.b, public.odd.c, public.odd.d, public.odd.photo_1 may refer.*'
}

@test "views are left out, foreign tables are not, and a table's parts and children are the table's" {
    local avatar=text
    [[ $APP_SCHEMA == design ]] || avatar='varchar(255)'
    sql "CREATE VIEW logos AS SELECT avatar AS logo FROM users; CREATE MATERIALIZED VIEW kept AS SELECT avatar FROM users;
         CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far;
         CREATE FOREIGN TABLE elsewhere (photo text) SERVER far;
         CREATE TABLE parts (video text, n int) PARTITION BY RANGE (n);
         CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (9) PARTITION BY RANGE (n);
         CREATE TABLE part_1_1 PARTITION OF part_1 FOR VALUES FROM (1) TO (2);
         CREATE TABLE guests (card text, badge text, photo text, avatar $avatar) INHERITS (users); CREATE TABLE rare_guests () INHERITS (guests);
         CREATE SCHEMA cms CREATE TABLE pages (photo text, n int) CREATE TABLE plain_pages (n int);
         CREATE TABLE old_pages () INHERITS (cms.pages); CREATE TABLE own_photos (photo text) INHERITS (cms.plain_pages)"
    clean_files
    refused 'cms.pages.photo, public.elsewhere.photo, public.guests.photo, public.own_photos.photo, public.parts.video may refer.*'
    FILE_IGNORE_COLUMNS=pages.photo,elsewhere.photo,guests.photo,own_photos.photo,parts.video clean_files
    assert_success
}

@test "a column that is to be ignored and is not there is an error" {
    many 1
    file 1.jpg
    sql 'CREATE TABLE articles (cover text, "heroImage" text); CREATE VIEW newest AS SELECT cover FROM articles;
         CREATE TABLE dropped (cover text, n int); ALTER TABLE dropped DROP cover'
    local entry takes='FILE_IGNORE_COLUMNS takes table.column, schema.table.column and schema.\*'
    for entry in articles.covers articles.heroimage article.cover cover public.cover 'cms.*' 'articles.*' public newest.cover \
        dropped.cover cms.articles.cover ' articles.cover' ''; do
        FILE_IGNORE_COLUMNS=articles.cover,$entry,articles.heroImage clean_files
        assert_failure 1
        assert_regex "$stderr" "^cleanup-data: part files: unused files: the database has no column \"${entry/\*/\\*}\": correct it or take it out; $takes\$"
        FILE_IGNORE_COLUMNS=articles.cover,$entry,articles.heroImage clean_files --check
        assert_failure 78
        assert_regex "$stderr" "^cleanup-data: the database has no column \"${entry/\*/\\*}\": "
    done
    FILE_IGNORE_COLUMNS=a.b,articles.cover,c.d clean_files --dry-run
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: the database has no column "a\.b", "c\.d": '
    FILE_IGNORE_COLUMNS=$(seq -f 'no.column_%g' -s, 30) clean_files
    assert_failure 1
    assert_regex "$stderr" ' "no.column_9", "no.column_10" and 20 more: '
    assert_equal "$(used)" 'tickeasy-files/1.jpg'
    assert_equal "$(open_alerts)" ''
    FILE_IGNORE_COLUMNS=articles.cover,public.articles.heroImage clean_files
    assert_success
    assert_equal "$(used)" ''
}

@test "odd names can be ignored as they are shown, in quotes or without" {
    sql 'CREATE SCHEMA "My shop" CREATE TABLE "Order" ("cover image" text, "照片/檔案" text);
         CREATE TABLE odd ("photo, old" text, "5""photo" text, "photo " text)'
    clean_files
    refused 'My shop.Order.cover image, My shop.Order.照片/檔案, public.odd."5""photo", public.odd."photo, old", public.odd.photo  may refer.*'
    FILE_IGNORE_COLUMNS='My shop.Order.cover image,My shop.Order.照片/檔案,public.odd."5""photo",public.odd."photo, old",public.odd.photo ' clean_files
    assert_success
    FILE_IGNORE_COLUMNS='"My shop".*,odd."photo, old","odd"."5""photo","public".odd."photo "' clean_files
    assert_success
    FILE_IGNORE_COLUMNS='"My shop".*,odd.photo, old' clean_files
    assert_failure 1
    assert_regex "$stderr" '"odd.photo", " old"'
}

@test "of many columns ten are named, of long ones as many as leave room for what to do" {
    local n columns='' long=''
    for n in {10..34}; do
        columns+="${columns:+, }photo_$n text"
        long+="${long:+, }\"photo_$n$(printf '很%.0s' {1..18})\" text"
    done
    sql "CREATE TABLE odd ($columns)"
    clean_files
    refused "public.odd.photo_10, $(seq -f 'public.odd.photo_%g' -s', ' 11 19) and 15 more may refer to files, .* goes into FILE_IGNORE_COLUMNS"
    sql "DROP TABLE odd; CREATE SCHEMA $(printf 's%.0s' {1..63}) CREATE TABLE $(printf 't%.0s' {1..63}) ($long)"
    clean_files
    refused "sss.*and [12][0-9] more may refer to files, .* goes into FILE_IGNORE_COLUMNS"
}

@test "rows that a policy hides stop it: they may refer to files" {
    many 3
    file 1.jpg
    refer 1.jpg
    ROLE=jobs-$DATABASE_NAME
    local role=${OWNER_URL/postgres@/jobs-$DATABASE_NAME@}
    sql "CREATE ROLE \"$ROLE\" LOGIN; ALTER TABLE users ENABLE ROW LEVEL SECURITY;
         CREATE POLICY used_only ON users USING (avatar LIKE 'used/%')"
    run migrate --grant "$ROLE"
    assert_success
    DATABASE_URL=$role clean_files
    assert_failure 1
    assert_regex "$stderr" "row-level security policy for table .users.; the jobs' role must see all rows: ALTER ROLE … BYPASSRLS\$"
    DATABASE_URL=$role clean_files --check
    assert_failure 78
    assert_equal "$(used)" 'tickeasy-files/1.jpg'
    sql "ALTER ROLE \"$ROLE\" BYPASSRLS"
    DATABASE_URL=$role clean_files
    assert_success
    assert_equal "$(used)" 'tickeasy-files/1.jpg'
}

# bats test_tags=f30
@test "a refusal is an alert and one mail, until a look is not refused" {
    export ALERT_EMAIL=ops@example.com
    many 1
    file 1.jpg
    file 2.jpg
    clean_files
    clean_files
    assert_regex "$(open_alerts)" '^files-refused.nothing is deleted: 2 of 3 files in bucket tickeasy-files are unused[^|]*$'
    assert_equal "$(mails "kind = 'alert'")" 1
    mkdir mail
    MAIL_URL=maildir:$PWD/mail MAIL_FROM=shop@example.com deliver-mail
    assert_equal "$(find mail/new -type f | wc -l)" 1
    file used/2.jpg
    refer used/2.jpg
    clean_files
    assert_success
    assert_equal "$(open_alerts)" ''
}

# bats test_tags=f28
@test "a listing that is not complete deletes nothing" {
    many 2
    file 1.jpg
    file deep/2.jpg
    STORAGE_BUCKETS=tickeasy-files,missing clean_files
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: .*missing'
    assert_equal "$(used)" 'tickeasy-files/1.jpg tickeasy-files/deep/2.jpg'
    assert_equal "$(result failedParts) $(candidates)" '1 '
    STORAGE_DIR=$PWD/elsewhere clean_files
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: .*/elsewhere'
}

# --- the last looks -------------------------------------------------------------------------------

# at_the_end STATEMENT: runs when the candidates are being recorded, after the listing
at_the_end() {
    sql "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN $1; RETURN NULL; END \$\$;
         CREATE TRIGGER late AFTER INSERT ON tickeasy_jobs.file_candidates FOR EACH STATEMENT EXECUTE FUNCTION late()"
}

# bats test_tags=both,f27
@test "a reference that is committed after the listing keeps its file" {
    many 3
    file 1.jpg
    file 2.jpg
    at_the_end "INSERT INTO users (name, email, avatar) VALUES ('late', 'late@example.com', '2.jpg')"
    clean_files
    assert_success
    assert_equal "$(used)|$(candidates)" 'tickeasy-files/2.jpg|'
    assert_equal "$(result unusedFiles) $(result keptFiles)" '1 1'
    assert_regex "$(<"$LOG_FILE")" 'file_kept .*path=2.jpg reason="referred to by now"'
}

# bats test_tags=f27
@test "a file that is written anew after the listing stays, and one that is gone is no trouble" {
    many 4
    file 1.jpg
    file 2.jpg
    file 3.jpg
    at_the_end 'PERFORM pg_sleep(3)'
    start env LD_PRELOAD="$OLD_FILES" cleanup-data --only files
    wait_for asleep
    printf y >files/tickeasy-files/2.jpg
    rm files/tickeasy-files/3.jpg
    file new.jpg
    ended
    assert_success
    assert_equal "$(used)|$(candidates)" 'tickeasy-files/2.jpg tickeasy-files/new.jpg|'
    assert_equal "$(result unusedFiles) $(result keptFiles)" '1 1'
}

# --- a storage that goes wrong --------------------------------------------------------------------

# stored [OPTION...]: a server with used/1 to used/4, which are referred to, and x1 to x3
stored() {
    local n
    for n in used/{1..4} x{1..3}; do
        printf '{"bucket": "tickeasy-files", "name": "%s", "created_at": "2026-01-01T00:00:00Z", "size": 5}\n' "$n"
    done >objects
    [[ $(sql 'SELECT count(*) FROM users') != 0 ]] || for n in {1..4}; do refer "used/$n"; done
    serve objects "$@"
}

stored_there() { # all that the server has, but for used/
    curl -sS "$SUPABASE_URL/_test/objects/tickeasy-files" | fields name | grep -v '^used/' | paste -sd' '
}

@test "in a Supabase storage what nothing refers to goes" {
    stored
    clean_files
    assert_success
    assert_equal "$stderr" ''
    assert_equal "$(stored_there)" ''
    assert_equal "$(result listedFiles) $(result unusedFiles) $(result unusedBytes)" '7 3 15'
}

nothing_goes() { # WORDS [OPTION...]: of the failed part
    stored "${@:2}"
    clean_files
    assert_failure 1
    assert_regex "$stderr" "^cleanup-data: part files: unused files: $1\$"
    assert_equal "$(stored_there)|$(candidates)|$(result unusedFiles)" 'x1 x2 x3||0'
}

# bats test_tags=f28
@test "a storage whose listing breaks, repeats itself or loses its rights keeps everything" {
    nothing_goes '.*500.*' --page 3 --list-fault 2-:500
    nothing_goes '.*502.*' --page 3 --list-fault 2-:html
    nothing_goes 'the listing of bucket tickeasy-files cannot be believed: .*' --page 3 --list-fault 2:same-cursor
    nothing_goes 'the listing of bucket tickeasy-files cannot be believed: .*' --page 3 --list-fault 2:torn
    nothing_goes '.*SUPABASE_SERVICE_KEY.*' --page 3 --list-fault 3:lost-rights
    nothing_goes '.*' --page 3 --list-fault 2-:drop
}

# bats test_tags=f28
@test "a storage that stumbles once is asked again" {
    stored --page 3 --list-fault 2:500 --list-fault 4:drop
    clean_files
    assert_success
    assert_equal "$(stored_there)|$(result unusedFiles)" '|3'
}

@test "a wrong key keeps everything, and is never shown" {
    stored
    local answers='[]' # what a listing says with it
    SUPABASE_SERVICE_KEY=secret-anon-key clean_files
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: .*SUPABASE_SERVICE_KEY'
    refute_regex "$stderr$(<"$LOG_FILE")$(result error)" 'secret-anon-key'
    SUPABASE_SERVICE_KEY=secret-anon-key clean_files --check
    assert_failure 78
    refute_regex "$stderr" 'secret-anon-key'
    assert_equal "$(stored_there)" 'x1 x2 x3'
}

@test "a delete that was done and not answered counts once" {
    stored --delete-fault 1:lost
    clean_files
    assert_success
    assert_equal "$(stored_there)|$(candidates)|$(result unusedFiles)" '||3'
}

@test "a delete that leaves some, or forgets to tell of some, is looked at" {
    stored --delete-fault 1-:part
    clean_files --manifest m
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: .* of bucket tickeasy-files stay, the first is x[23]$'
    refute [ "$(stored_there)" = '' ]
    assert_equal "$(candidates)" "$(stored_there)"
    assert_equal "$(fields action path <m | grep -c '^kept')" "$(stored_there | wc -w)"
    assert_equal "$(result keptFiles)" "$(stored_there | wc -w)"
    stored --delete-fault 1:forget
    clean_files
    assert_success
    assert_equal "$(stored_there)|$(result unusedFiles)" '|3'
}

# bats test_tags=f27
@test "what is referred to, or uploaded anew, between listing and delete stays in the storage" {
    stored --on-list-end "psql -XAtqc \"INSERT INTO users (name, email, avatar) VALUES ('late', 'late@example.com', 'x1')\" '$OWNER_URL'"
    clean_files
    assert_success
    assert_equal "$(stored_there)|$(result unusedFiles) $(result keptFiles)" 'x1|2 0'
    sql "DELETE FROM users WHERE avatar = 'x1'"
    stored --on-list-end "printf 'x2\\0new' | curl -sS -X PUT --data-binary @- http://127.0.0.1:\$(sed -n s/^port.//p peer.out)/_test/objects/tickeasy-files"
    clean_files
    assert_success
    assert_equal "$(stored_there)|$(result unusedFiles) $(result keptFiles)" 'x2|2 1'
}

# bats test_tags=f27
@test "what is uploaded anew while a delete goes unanswered stays, and is no fault of the storage" {
    stored --delete-fault 1:lost --after-delete "printf 'x2\\0new' | curl -sS -X PUT --data-binary @- http://127.0.0.1:\$(sed -n s/^port.//p peer.out)/_test/objects/tickeasy-files"
    clean_files --manifest m
    assert_success
    assert_equal "$stderr" ''
    assert_equal "$(stored_there)|$(candidates)|$(result unusedFiles) $(result keptFiles)" 'x2||2 1'
    assert_equal "$(fields action path why <m | grep '^kept')" 'kept|x2|written anew'
    assert_regex "$(<"$LOG_FILE")" 'file_kept .*path=x2 reason="written anew"'
}

# --- a database that goes away --------------------------------------------------------------------

hang_up() { # WHERE: ends the job's connections
    sql "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'cleanup-data' $1" >/dev/null
}

# cut_off [OPTION...]: a run whose connection is cut while it records the candidates
cut_off() {
    start env LD_PRELOAD="$OLD_FILES" cleanup-data --only files "$@"
    wait_for asleep
    hang_up "AND wait_event = 'PgSleep'"
}

# bats test_tags=f9
@test "a database that goes away while files are looked for ends the run, not the part alone" {
    many 3
    file 1.jpg
    at_the_end 'PERFORM pg_sleep(30)'
    cut_off
    ended
    assert_equal "$status" 69
    assert_regex "$stderr" '^cleanup-data: files_record: terminating connection due to administrator command'
    assert_equal "$(used)|$(run_row status)|$(result failedParts)" 'tickeasy-files/1.jpg|failed|0'
    cut_off --retries 1
    sql 'DROP TRIGGER late ON tickeasy_jobs.file_candidates'
    ended
    assert_equal "$status" 0
    assert_equal "$(used)|$(run_row 'status, attempt')" '|completed|2'
}

# a pooler replaces a connection of its own that ends while nobody uses it
# bats test_tags=direct,f9
@test "a database that goes away while the storage is asked ends the run, and the next tells the rest" {
    local cut="psql -XAtqc \"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'cleanup-data' AND datname = current_database()\" '$OWNER_URL'"
    stored --on-list-end "$cut"
    clean_files --dry-run
    assert_failure 69
    refute_output
    stored --on-delete "$cut"
    clean_files
    assert_failure 69
    assert_equal "$(stored_there)|$(run_row status)|$(result unusedFiles)" '|failed|3'
    clean_files
    assert_success
    assert_equal "$(candidates)|$(result unusedFiles)" '|0'
}

@test "a storage that is away ends its own part only" {
    closed_sessions "SELECT 1 AS n, now() - interval '9 days' AS at"
    stored --delete-fault 1-:500
    run --separate-stderr cleanup-data
    assert_failure 1
    assert_equal "$(run_row status)|$(result failedParts)" 'completed|1'
}

@test "what the database has to say beside its answers is no output of the run" {
    many 3
    file 1.jpg
    at_the_end "RAISE WARNING 'psst'"
    clean_files
    assert_success
    refute_output
    assert_equal "$stderr" ''
    assert_equal "$(used)" ''
}

# --- manifest, dry run ----------------------------------------------------------------------------

manifest() { fields action path why bytes ageDays <m; }

@test "options about files need the files part" {
    for options in '--only logs --force-files' '--only logs,own --manifest m' '--list-candidates --force-files'; do
        # shellcheck disable=SC2086
        run --separate-stderr cleanup-data $options
        assert_failure 64
    done
    assert_regex "$stderr" '^cleanup-data: --list-candidates goes alone'
    [[ ! -e m ]]
}

@test "the manifest tells each file's size, age and why, before it goes" {
    unset FILE_QUARANTINE_DAYS
    many 4
    file '海 "1".jpg' '5 days'
    file 2.jpg '2 days'
    clean_files --dry-run --manifest m
    assert_success
    assert_equal "$(manifest)" 'waits|2.jpg|nothing refers to it, in quarantine|1|2
waits|海 "1".jpg|nothing refers to it, in quarantine|1|5'
    clean_files
    days_pass 1
    file 3.jpg '2 days'
    rm m
    clean_files --manifest m
    assert_success
    assert_equal "$(manifest)" 'waits|3.jpg|nothing refers to it, in quarantine|1|2
delete|2.jpg|nothing refers to it|1|2
delete|海 "1".jpg|nothing refers to it|1|5'
    assert_equal "$(fields run <m | sort -u)" "$(run_row id)"
    assert_equal "$(stat -c %a m)" 600
}

# bats test_tags=f30
@test "a refused clean-up leaves its manifest" {
    many 1
    file 1.jpg
    file 2.jpg
    clean_files --manifest m
    assert_failure 1
    assert_equal "$(manifest)" 'refused|1.jpg|too-many|1|3
refused|2.jpg|too-many|1|3'
}

# bats test_tags=f14
@test "without its manifest nothing is deleted" {
    many 2
    file 1.jpg
    clean_files --manifest missing/m
    assert_failure 78
    assert_equal "$stderr" 'cleanup-data: option --manifest: missing/m: No such file or directory'
    # a sanitizer cannot look for leaks then
    run --separate-stderr strace -f -qq -o trace -P "$PWD/m" -e inject=write:error=ENOSPC \
        -E "LD_PRELOAD=$OLD_FILES" -E ASAN_OPTIONS=detect_leaks=0 cleanup-data --only files --manifest m
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: manifest m: No space left on device'
    assert_equal "$(used)" 'tickeasy-files/1.jpg'
}

@test "a database that takes no more for a moment is not waited for when it has taken all" {
    many 2
    file 1.jpg
    run --separate-stderr timeout 30 strace -f -qq -o trace -e trace=sendto -e inject=sendto:error=EAGAIN:when=2+2 \
        -E "LD_PRELOAD=$OLD_FILES" -E ASAN_OPTIONS=detect_leaks=0 cleanup-data --only files
    assert_success
    grep -q 'EAGAIN.*INJECTED' trace
    assert_equal "$(used)" ''
}

@test "a manifest is a regular file: no pipe is waited for" {
    many 2
    file 1.jpg
    mkfifo pipe
    ln -s pipe link
    local what
    for what in pipe link /dev/null /dev/full; do
        run --separate-stderr timeout 20 env LD_PRELOAD="$OLD_FILES" cleanup-data --only files --manifest "$what"
        assert_failure 78
        assert_equal "$stderr" "cleanup-data: option --manifest: $what: it is not a regular file"
    done
    start cat pipe # somebody reads
    clean_files --manifest pipe
    assert_failure 78
    assert_equal "$stderr" 'cleanup-data: option --manifest: pipe: it is not a regular file'
    clean_files --manifest files
    assert_failure 78
    assert_equal "$stderr" 'cleanup-data: option --manifest: files: Is a directory'
    assert_equal "$(used)" 'tickeasy-files/1.jpg'
}

@test "--dry-run changes nothing and tells what would go" {
    unset FILE_QUARANTINE_DAYS
    many 4
    file 1.jpg
    file 2.jpg
    clean_files
    days_pass 1
    file 3.jpg
    clean_files --dry-run
    assert_success
    assert_equal "$(sed 's/ *$//; s/  */ /g' <<<"$output" | cut -d' ' -f1-5)" 'part what count oldest
files unused files 2 '"$(TZ=Asia/Taipei date -d '3 days ago' +%F)"'
files unused files, in quarantine
0 rows and 2 files'
    clean_files --dry-run --json
    assert_equal "$(fields what count <<<"$output")" 'unused files|2
unused files, in quarantine|1'
    assert_equal "$(used)|$(candidates)" 'tickeasy-files/1.jpg tickeasy-files/2.jpg tickeasy-files/3.jpg|1.jpg 2.jpg'
    STORAGE_BUCKETS=missing clean_files --dry-run
    assert_failure 1
    assert_regex "$stderr" '^cleanup-data: part files: unused files: .*missing'
}

@test "--dry-run of a clean-up that is refused says that no file would go" {
    many 1
    file 1.jpg
    file 2.jpg
    closed_sessions "SELECT 1 AS n, now() - interval '9 days' AS at"
    run --separate-stderr env LD_PRELOAD="$OLD_FILES" cleanup-data --dry-run --manifest m
    assert_failure 1
    assert_line '1 rows and 0 files would be deleted'
    assert_regex "$stderr" '^cleanup-data: part files: unused files: nothing is deleted: 2 of 3 files '
    assert_equal "$(fields action path <m)" 'refused|1.jpg
refused|2.jpg'
}

# --- with the other parts -------------------------------------------------------------------------

@test "files that cannot be cleaned stop no other part" {
    closed_sessions "SELECT 1 AS n, now() - interval '9 days' AS at"
    STORAGE_BUCKETS=missing run --separate-stderr cleanup-data
    assert_failure 1
    assert_equal "$(result expiredSessions) $(result failedParts)" '1 1'
    assert_equal "$(run_row status)" completed
}

@test "a clean-up without a storage leaves files out; asked for by name they need one" {
    unset STORAGE_DIR
    run --separate-stderr cleanup-data
    assert_success
    assert_equal "$stderr" ''
    clean_files
    assert_failure 78
    assert_equal "$stderr" 'cleanup-data: no storage of files is named; set SUPABASE_URL and SUPABASE_SERVICE_KEY, or STORAGE_DIR'
    SUPABASE_URL=https://x STORAGE_DIR=/tmp run --separate-stderr cleanup-data
    assert_failure 78
    assert_regex "$stderr" '^cleanup-data: SUPABASE_URL and STORAGE_DIR are both set'
}

# bats test_tags=both
@test "the role of --grant may do it, and --check knows" {
    many 3
    file 1.jpg
    ROLE=jobs-$DATABASE_NAME
    local role=${OWNER_URL/postgres@/jobs-$DATABASE_NAME@}
    sql "CREATE ROLE \"$ROLE\" LOGIN; REVOKE TEMPORARY ON DATABASE $DATABASE_NAME FROM PUBLIC"
    run migrate --grant "$ROLE"
    assert_success
    DATABASE_URL=$role clean_files --check
    assert_success
    DATABASE_URL=$role clean_files
    assert_success
    assert_equal "$(used)" ''
    sql "REVOKE SELECT (avatar) ON users FROM \"$ROLE\""
    DATABASE_URL=$role run --separate-stderr cleanup-data --check
    assert_failure 78
    assert_regex "$stderr" 'permission denied for table users'
    DATABASE_URL=$role clean_files
    assert_failure 1
}

@test "--check looks at the buckets, too" {
    run --separate-stderr cleanup-data --check
    assert_success
    STORAGE_BUCKETS=missing run --separate-stderr cleanup-data --check
    assert_failure 78
    assert_regex "$stderr" '^cleanup-data: .*missing'
}

@test "a person on a terminal sees what became of the files" {
    many 3
    file 1.jpg
    run script -qec "env LD_PRELOAD='$OLD_FILES' cleanup-data --only files" /dev/null
    assert_success
    assert_line --partial '1 unused files of 4 deleted, 1 bytes; 0 wait in quarantine'
}

# bats test_tags=f2
@test "a run that is told to stop stops, and the next one does the rest" {
    many 3
    file 1.jpg
    at_the_end 'PERFORM pg_sleep(3)'
    start env LD_PRELOAD="$OLD_FILES" cleanup-data --only files
    wait_for asleep
    kill -TERM "$pid"
    ended
    assert_equal "$status" 75
    assert_equal "$(used)|$(candidates)|$(run_row status)" 'tickeasy-files/1.jpg||failed'
    sql 'DROP TRIGGER late ON tickeasy_jobs.file_candidates'
    clean_files
    assert_success
    assert_equal "$(used)" ''
}

# What a text is taken to refer to: tickeasy_jobs.file_named, asked of each form of the text.
# bats tests/jobs/file-references.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database

setup() { new_database; }
teardown() { drop_database; }

# Prints the rows of VALUES (wanted, text, path[, bucket]) that are wrong.
wrong() { # VALUES
    psql_quietly -d "$OWNER_URL" <<END
SET standard_conforming_strings = on;
SELECT v.text, v.path, v.wanted
  FROM (VALUES $1) AS v(wanted, text, path, bucket)
 WHERE v.wanted <> EXISTS (SELECT
                             FROM unnest(tickeasy_jobs.file_forms(v.text)) AS form
                            WHERE tickeasy_jobs.file_named(form, v.bucket, normalize(v.path)));
END
}

@test "a text names a file where its path stands as a word of its own" {
    run wrong "$(sed "s/)\(,\?\)\$/, 'files')\1/" <<'END'
    (true, 'posters/1.jpg', 'posters/1.jpg'),
    (true, '/posters/1.jpg', 'posters/1.jpg'),
    (true, 'files/posters/1.jpg', 'posters/1.jpg'),
    (false, 'posters/11.jpg', 'posters/1.jpg'),
    (false, 'xposters/1.jpg', 'posters/1.jpg'),
    (false, 'posters/1.jpg2', 'posters/1.jpg'),
    (true, 'https://p.supabase.co/storage/v1/object/public/files/posters/1.jpg', 'posters/1.jpg'),
    (false, 'https://p.supabase.co/storage/v1/object/public/other/posters/1.jpg', 'posters/1.jpg'),
    (false, 'https://p.supabase.co/storage/v1/object/public/files/x/posters/1.jpg', 'posters/1.jpg'),
    (true, 'https://p.supabase.co/storage/v1/object/sign/files/posters/1.jpg?token=a.b', 'posters/1.jpg'),
    (true, 'https://a/1.jpg?https://p.supabase.co/storage/v1/object/public/files/posters/1.jpg', 'posters/1.jpg'),
    (true, 'https://p.co/storage/v1/object/public/files/x/2.jpghttps://p.co/storage/v1/object/public/files/posters/1.jpg', 'posters/1.jpg'),
    (true, '請看https://p.co/storage/v1/object/public/files/avatars/5f0c1d2e-0123（正面）', 'avatars/5f0c1d2e-0123'),
    (true, 'avatars/5f0c謝謝', 'avatars/5f0c'),
    (true, 'avatars/5f0c🎉', 'avatars/5f0c'),
    (true, 'avatars/5f0c～', 'avatars/5f0c'),
    (true, E'avatars/5f0c\u00a0x', 'avatars/5f0c'),
    (true, '海報/一「二」', '海報/一'),
    (false, '海報/一二', '海報/一'),
    (true, '看 https://p.co/storage/v1/object/public/files/my\_photo\_1.jpg', 'my_photo_1.jpg'),
    (true, 'x/a \(1\).jpg', 'x/a (1).jpg'),
    (true, 'https://p.co/storage/v1/object/public/files/posters/1.jpghttps://p.co/storage/v1/object/public/files/x/2.jpg', 'posters/1.jpg'),
    (true, 'HTTPS://cdn.example.com/b.jpg', 'b.jpg'),
    (true, 'HTTPS%3A%2F%2Fcdn.example.com/x/b.jpg', 'b.jpg'),
    (true, 'app://x/y/b.jpg', 'b.jpg'),
    (true, '看https://p.co/storage/v1/object/public/files/a.jpg。posters/2.jpg', 'posters/2.jpg'),
    (true, '看https://p.co/storage/v1/object/public/files/a.jpg和posters/2.jpg', 'posters/2.jpg'),
    (true, 'https://p.co/storage/v1/object/public/files/a.jpg*posters/2.jpg', 'posters/2.jpg'),
    (true, './b.jpg', 'b.jpg'),
    (true, '../b.jpg', 'b.jpg'),
    (true, 'cdn.example.com/b.jpg', 'b.jpg'),
    (true, 'localhost:3000/x/b.jpg', 'b.jpg'),
    (true, '$CDN/b.jpg', 'b.jpg'),
    (true, '%PUBLIC_URL%/b.jpg', 'b.jpg'),
    (true, '看/b.jpg喔', 'b.jpg'),
    (true, '"@/b.jpg"', 'b.jpg'),
    (false, '"posters/b.jpg"', 'b.jpg'),
    (true, 'files%2Fx%2FC%2B%2B+%E8%AA%B2.pdf', 'x/C++ 課.pdf'),
    (true, '- b.jpg', 'b.jpg'),
    (true, '1. b.jpg', 'b.jpg'),
    (true, '• b.jpg', 'b.jpg'),
    (true, '_b.jpg_', 'b.jpg'),
    (true, '~~b.jpg~~', 'b.jpg'),
    (true, 'a.jpg和b.jpg', 'b.jpg'),
    (true, 'a.jpg/b.jpg', 'b.jpg'),
    (true, '請看 b.jpg', 'b.jpg'),
    (true, '* 5f0c1d2e-0123-4567-89ab-cdef01234567', '5f0c1d2e-0123-4567-89ab-cdef01234567'),
    (false, 'see b.jpg', 'b.jpg'),
    (true, '圖片：posters/1.jpg。', 'posters/1.jpg'),
    (true, '看posters/1.jpg謝謝', 'posters/1.jpg'),
    (true, 'x:posters/1.jpg', 'posters/1.jpg'),
    (true, '[a]posters/1.jpg', 'posters/1.jpg'),
    (true, 'path=posters/1.jpg&x=1', 'posters/1.jpg'),
    (true, '?path=posters%2F1.jpg', 'posters/1.jpg'),
    (true, '"https:\/\/p.co\/storage\/v1\/object\/public\/files\/posters\/1.jpg"', 'posters/1.jpg'),
    (true, '&#x2F;posters&#x2F;1.jpg', 'posters/1.jpg'),
    (true, 'a&amp;b/1.jpg', 'a&b/1.jpg'),
    (true, 'posters//1.jpg', 'posters/1.jpg'),
    (true, './posters/./1.jpg', 'posters/1.jpg'),
    (true, 'posters\1.jpg', 'posters/1.jpg'),
    (true, '%ZZ posters%2f1.jpg %E6', 'posters/1.jpg'),
    (true, '%E6%B5%B7%E5%A0%B1/1.jpg', '海報/1.jpg'),
    (true, '%25E6%25B5%25B7%25E5%25A0%25B1/1.jpg', '海報/1.jpg'),
    (true, 'a+b/c.jpg', 'a b/c.jpg'),
    (true, 'a%2Bb/c.jpg', 'a+b/c.jpg'),
    (true, '\u6d77\u5831/1.jpg', '海報/1.jpg'),
    (true, '\ud83c\udfab/1.jpg', '🎫/1.jpg'),
    (true, 'posters/1.jpg~', 'posters/1.jpg'),
    (true, 'https://cdn/x/posters/1.jpg!', 'posters/1.jpg'),
    (true, 'posters/1.jpg...and', 'posters/1.jpg'),
    (true, 'posters/1.jpg-posters/2.jpg', 'posters/1.jpg'),
    (true, 'a.jpg, b.jpg', 'b.jpg'),
    (true, '["a.jpg","b.jpg"]', 'b.jpg'),
    (true, '?name=b.jpg', 'b.jpg'),
    (true, '["a","photo"]', 'photo'),
    (true, 'photo', 'photo'),
    (true, ' photo ', 'photo'),
    (true, 'b.jpg', 'b.jpg'),
    (false, 'my b.jpg', 'b.jpg'),
    (false, 'posters/b.jpg', 'b.jpg'),
    (true, '/x/b.jpg', 'b.jpg'),
    (true, 'https://cdn/x/b.jpg', 'b.jpg'),
    (true, 'files/b.jpg', 'b.jpg'),
    (false, 'see photo', 'photo'),
    (false, 'my-b.jpg', 'b.jpg'),
    (true, 'a.jpg b.jpg', 'b.jpg'),
    (true, 'a.jpg'||chr(10)||'b.jpg', 'b.jpg'),
    (true, 'posters/1.jpg/w_300', 'posters/1.jpg'),
    (false, 'posters/a/b', 'posters/a'),
    (false, 'posters/a.jpg', 'posters/a'),
    (false, 'posters/a-b', 'posters/a'),
    (true, 'posters/a.', 'posters/a'),
    (true, 'posters/a 圖', 'posters/a'),
    (true, '{posters/1.jpg}', 'posters/1.jpg'),
    (true, E'\u00a0posters/1.jpg\u00a0', 'posters/1.jpg'),
    (true, E'\ufeffposters/1.jpg', 'posters/1.jpg'),
    (true, '<img src=posters/1.jpg>', 'posters/1.jpg'),
    (true, 'url(posters/1.jpg)', 'posters/1.jpg'),
    (true, '%2Fposters%2F1%2Ejpg', 'posters/1.jpg'),
    (true, 'e'||chr(769)||'/1.jpg', 'é/1.jpg'),
    (true, 'https://p.co/storage/v1/object/public/files/x,https://p.co/storage/v1/object/public/files/posters/1.jpg', 'posters/1.jpg'),
    (true, 'https://p.co/storage/v1/object/public/files/x.jpg,posters/1.jpg', 'posters/1.jpg'),
    (true, '看https://p.co/storage/v1/object/public/files/b.jpg謝', 'b.jpg'),
    (false, 'https://p.co/storage/v1/object/public/other/b.jpg', 'b.jpg')
END
    )"
    assert_success
    assert_output ''
}

@test "a bucket is meant by its name, encoded or not" {
    run wrong "(true, 'https://p.co/storage/v1/object/public/my%20files/posters/1.jpg', 'posters/1.jpg', 'my files'),
        (true, 'https://p.co/storage/v1/object/public/my files/posters/1.jpg', 'posters/1.jpg', 'my files'),
        (false, 'https://p.co/storage/v1/object/public/my%2Dfiles/posters/1.jpg', 'posters/1.jpg', 'files'),
        (true, 'my%20files/1.jpg', '1.jpg', 'my files')"
    assert_success
    assert_output ''
}

# bats test_tags=f39
@test "what cannot be decoded stays as it is, and what is beside it is decoded" {
    run psql_quietly -d "$OWNER_URL" -c "SELECT tickeasy_jobs.percent_decoded('%00%41%ed%a0%80%f0%9f%8e%ab%c3%28%')" \
        -c "SELECT tickeasy_jobs.escapes_decoded('&#0;&#99999999;&#9999999;&#x110000;&#xd800;\ud800x\u00e9\q&foo;\')"
    assert_success
    assert_output $'%00A%ed%a0%80🎫%c3(%\n&#0;&#99999999;&#9999999;&#x110000;&#xd800;\\ud800xé\\q&foo;\\'
}

# bats test_tags=f39
@test "a text made to take long is read, but not in all its forms, nor to its end" {
    run psql_quietly -d "$OWNER_URL" -c "SELECT n, tickeasy_jobs.file_named(repeat('xposters/1.jpg ', n), 'files', 'posters/1.jpg') FROM (VALUES (400), (600)) AS v(n)"
    assert_output $'400|f\n600|t'
    run psql_quietly -d "$OWNER_URL" -c "SELECT cardinality(tickeasy_jobs.file_forms(repeat('%2525252541&amp;amp;\\\\u0041+', 20))) < 70"
    assert_success
    assert_output t
}

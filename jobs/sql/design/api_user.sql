-- api_user: the role of a user, for tasks-api, which lets in admin and superuser.
-- $1 user uuid
-- at most one row: role text (none of a user who is deleted)
SELECT role::text AS role
  FROM users
 WHERE id = $1::uuid

-- expire_audit: plays whose free seats do not add up.
-- rows: kind text, subject text, detail text
SELECT 'stock-drift' AS kind,
       title AS subject,
       format('free %s, should be %s', free, play.seats - coalesce(sum(booking.seats), 0)) AS detail
  FROM play
  LEFT JOIN booking
    ON play_id = play.id
   AND state IN ('held', 'paid')
 GROUP BY play.id
HAVING free <> play.seats - coalesce(sum(booking.seats), 0)
 ORDER BY title

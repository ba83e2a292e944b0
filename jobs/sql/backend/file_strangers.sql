-- file_strangers: columns that look like files and never hold one of ours, so that nobody need read them:
-- what login services and the payment provider sent (tokens among it), and links to places of others.
-- FILE_IGNORE_COLUMNS adds to them. One statement without parameters, made a view.
-- rows: name text (table.column)
SELECT name
  FROM (VALUES ('users.oauthProviders'),
               ('users.searchHistory'),
               ('venues.googleMapUrl'),
               ('order.invoiceUrl'),
               ('payment.rawPayload')) AS stranger(name)

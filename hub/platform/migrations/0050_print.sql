-- What labelled pictures look like from far away, made once; null for one that cannot be read.
CREATE TABLE picture_print (
  image TEXT PRIMARY KEY,
  print BLOB
) STRICT, WITHOUT ROWID;

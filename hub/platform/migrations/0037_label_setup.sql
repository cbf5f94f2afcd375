-- How parts of a product are labelled: which tools, which questions. '' stands for all products without one of their
-- own. Every revision is kept: what a label's answers meant can be looked up by its time.
CREATE TABLE label_setup (
  product TEXT NOT NULL,
  revision INTEGER NOT NULL,
  tools TEXT NOT NULL,
  questions TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (product, revision)
) STRICT, WITHOUT ROWID;

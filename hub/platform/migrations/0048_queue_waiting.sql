-- What every draw asks of the queue and need not count: how much waits for each reason and look, and a mark that is
-- another one whenever a stream opens or closes. By chance and not counted up: what was rolled back must not look like
-- what comes next.
CREATE TABLE queue_waiting (
  look INTEGER NOT NULL,
  reason TEXT NOT NULL,
  waiting INTEGER NOT NULL,
  PRIMARY KEY (look, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO queue_waiting SELECT key ->> '$[2]', key ->> '$[1]', sum(waiting) FROM queue_stream GROUP BY 1, 2;
CREATE TABLE queue_mark (mark INTEGER NOT NULL) STRICT;
INSERT INTO queue_mark VALUES (0);
CREATE TRIGGER queue_stream_opened AFTER INSERT ON queue_stream
BEGIN
  INSERT INTO queue_waiting VALUES (NEW.key ->> '$[2]', NEW.key ->> '$[1]', NEW.waiting)
    ON CONFLICT DO UPDATE SET waiting = waiting + excluded.waiting;
  UPDATE queue_mark SET mark = random() & 0x1fffffffffffff;
END;
CREATE TRIGGER queue_stream_moved AFTER UPDATE OF waiting ON queue_stream
BEGIN
  UPDATE queue_waiting SET waiting = waiting + NEW.waiting - OLD.waiting
    WHERE look = NEW.key ->> '$[2]' AND reason = NEW.key ->> '$[1]';
END;
CREATE TRIGGER queue_stream_closed AFTER DELETE ON queue_stream
BEGIN
  UPDATE queue_waiting SET waiting = waiting - OLD.waiting
    WHERE look = OLD.key ->> '$[2]' AND reason = OLD.key ->> '$[1]';
  UPDATE queue_mark SET mark = random() & 0x1fffffffffffff;
END;

-- What the last draws were of is read at every draw: from the index alone.
DROP INDEX label_draw_by_time;
CREATE INDEX label_draw_by_time ON label_draw (at, slice);

-- Whoever asks for a part walks past what others hold: with the picture in the index no part is read for that.
DROP INDEX inspection_queue;
CREATE INDEX inspection_queue ON inspection (queue_stream, n, image_sha256) WHERE queue_stream IS NOT NULL;

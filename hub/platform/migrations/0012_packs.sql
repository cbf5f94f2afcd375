-- Where an image lies when it shares a file with others; null for one that is a file of its own.
ALTER TABLE image ADD COLUMN pack INTEGER;
ALTER TABLE image ADD COLUMN pack_at INTEGER;
CREATE INDEX image_by_pack ON image (pack) WHERE pack IS NOT NULL;
ALTER TABLE evicted_image ADD COLUMN pack INTEGER;
ALTER TABLE evicted_image ADD COLUMN pack_at INTEGER;

-- What was drawn on a part beside upright boxes: regions, relations, answers. JSON as the wire has it; null for a label
-- whose boxes say everything.
ALTER TABLE label ADD COLUMN drawing TEXT;

-- Of the states of one queue task or trace event the newest has the revision 0, and the others count back in time;
-- before they were numbered as they came in.

CREATE TABLE numbered AS SELECT events.event, events.id, events.session, event_ids.content,
    row_number() OVER (PARTITION BY events.session, events.id ORDER BY events.sequence DESC, events.order_time DESC,
        CASE events.keys WHEN '' THEN 0 ELSE 1 + length(events.keys) - length(replace(events.keys, ' ', '')) END
        + (SELECT count(*) FROM attributes WHERE attributes.event = events.event)
        + (SELECT count(*) FROM bodies WHERE bodies.event = events.event AND bodies.role <> 6) DESC,
        event_ids.content DESC) - 1 AS revision
FROM events JOIN event_ids ON event_ids.id = events.id AND event_ids.session = events.session AND event_ids.revision = events.revision
WHERE events.kind IN (3, 4)
    AND (events.session, events.id) IN (SELECT session, id FROM events WHERE kind IN (3, 4) AND revision > 0);
UPDATE events SET revision = numbered.revision, flags = events.flags | CASE numbered.revision WHEN 0 THEN 0 ELSE 2048 END
    FROM numbered WHERE numbered.event = events.event;
DELETE FROM event_ids WHERE (id, session) IN (SELECT id, session FROM numbered);
INSERT INTO event_ids (id, session, revision, content, event) SELECT id, session, revision, content, event FROM numbered;
DROP TABLE numbered;

-- Events of one place and id stand in the order of their revisions.
DROP INDEX events_in_order;
CREATE INDEX events_in_order ON events (session, order_time, origin, sequence, id, revision);

-- Written times that run against the order of their source are one finding of a session, however many there are.

-- How many events have such a time; `own_findings` leaves them out.
ALTER TABLE sessions ADD COLUMN clock_skews BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET clock_skews = (SELECT count(*) FROM events
    WHERE events.session = sessions.session AND events.flags & 64 <> 0 AND events.flags & 4 = 0);
UPDATE sessions SET own_findings = own_findings - clock_skews, findings = findings - clock_skews + 1
    WHERE clock_skews > 0 AND counted = 1;

-- Findings are counted with the joins, and these lead to the sessions of a room.
CREATE INDEX sessions_by_room ON sessions (room) WHERE room IS NOT NULL;

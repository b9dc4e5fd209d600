-- Searches end at the first page, however many records fit: each index holds the order
-- in which calls are shown. What happens to a call after its record is settled stands
-- beside the record, which never changes.

-- +goose Up
ALTER TABLE calls ADD COLUMN answered_at BIGINT NOT NULL DEFAULT 0; -- nanoseconds since 1970 UTC, 0 if it did not happen
ALTER TABLE calls ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
DROP INDEX calls_by_arrival;
DROP INDEX calls_by_calling;
DROP INDEX calls_by_called;
DROP INDEX calls_by_office;
DROP INDEX calls_by_standing;
CREATE INDEX calls_by_arrival ON calls (arrived_at, id);
CREATE INDEX calls_by_calling ON calls (calling, arrived_at, id);
CREATE INDEX calls_by_called ON calls (called, arrived_at, id);
CREATE INDEX calls_by_standing ON calls (standing, arrived_at, id);
-- Most calls come from no office that we know.
CREATE INDEX calls_by_office ON calls (office, arrived_at, id) WHERE office <> '';
CREATE TABLE acts (
    call_id TEXT   NOT NULL,
    at      BIGINT NOT NULL, -- nanoseconds since 1970 UTC
    who     TEXT   NOT NULL,
    what    TEXT   NOT NULL,
    PRIMARY KEY (call_id, at, who, what)
);

-- +goose Down
DROP TABLE acts;
DROP INDEX calls_by_office;
DROP INDEX calls_by_standing;
DROP INDEX calls_by_called;
DROP INDEX calls_by_calling;
DROP INDEX calls_by_arrival;
CREATE INDEX calls_by_arrival ON calls (arrived_at);
CREATE INDEX calls_by_calling ON calls (calling, id);
CREATE INDEX calls_by_called ON calls (called, id);
CREATE INDEX calls_by_office ON calls (office, id);
CREATE INDEX calls_by_standing ON calls (standing, id);
ALTER TABLE calls DROP COLUMN ended_at;
ALTER TABLE calls DROP COLUMN answered_at;

-- Records of calls. The whole record is JSON; the columns are what is searched by.
-- Only types and clauses that SQLite and PostgreSQL share.

-- +goose Up
CREATE TABLE calls (
    id         TEXT   NOT NULL PRIMARY KEY,
    arrived_at BIGINT NOT NULL, -- microseconds since 1970 UTC
    direction  TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    calling    TEXT   NOT NULL, -- canonical number, empty if there is none
    called     TEXT   NOT NULL,
    office     TEXT   NOT NULL, -- domain, empty if there is none
    standing   TEXT   NOT NULL, -- the product's word, empty for a call that left
    record     TEXT   NOT NULL
);
CREATE INDEX calls_by_arrival ON calls (arrived_at);
CREATE INDEX calls_by_calling ON calls (calling, id);
CREATE INDEX calls_by_called ON calls (called, id);
CREATE INDEX calls_by_office ON calls (office, id);
CREATE INDEX calls_by_standing ON calls (standing, id);
CREATE INDEX calls_that_are_open ON calls (id) WHERE state = 'open';

-- +goose Down
DROP TABLE calls;

-- What is counted over the life of a store, for monitoring: names and labels are the program's own, a dozen in all.

CREATE TABLE counters (
    counter         TEXT NOT NULL,
    label           TEXT NOT NULL,
    number          INTEGER NOT NULL,
    PRIMARY KEY (counter, label)
) STRICT, WITHOUT ROWID;

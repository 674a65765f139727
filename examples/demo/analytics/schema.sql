CREATE TABLE trades (day TEXT NOT NULL, symbol TEXT NOT NULL, cents INTEGER NOT NULL);

INSERT INTO trades VALUES
    ('2026-03-02', 'XNYS:ACME', 125000),
    ('2026-03-02', 'XNAS:BOLT', 396000),
    ('2026-03-03', 'XNYS:ACME', -39300);

CREATE VIEW turnover_by_day AS
SELECT day, SUM(ABS(cents)) AS cents FROM trades GROUP BY day ORDER BY day;

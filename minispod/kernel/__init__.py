"""The ground floor: time, money, errors, database, outbox. It knows no business noun."""

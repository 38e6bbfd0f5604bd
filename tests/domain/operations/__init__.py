"""Operations with an instance's data, on a cluster in memory that knows who writes to which volume."""

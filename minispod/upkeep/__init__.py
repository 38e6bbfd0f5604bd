"""The work behind the scenes as staff steer it: how periodic jobs went, one asked for out of turn, one tried again."""

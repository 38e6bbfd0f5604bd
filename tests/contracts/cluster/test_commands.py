"""Commands in containers: what they write comes out whole, what they read goes in whole, no failure is silent."""

import threading

import pytest

from minispod.cluster.port import ClusterRefused, CommandFailed, NoSuchObject
from tests.contracts.cluster.workbenches import run, sleeping, write

DATA = "/var/lib/ghost/content"
# Every command line in the container (the simulator has no processes).
PROCESSES = "cat /proc/[0-9]*/cmdline 2>&-; true"
PIECE = bytes(range(256)) * 4096


@pytest.fixture
def bench(target, customer):
    """A pod with a shell, and the spec it was made from."""
    return sleeping(target, customer)


def give(target, bench, command, chunks, size):
    spec, pod = bench
    target.cluster.write_to(spec.namespace, pod, "app", command, chunks, size)


def test_bytes_go_in_and_come_out_as_they_are(target, bench):
    spec, pod = bench

    write(target, spec, pod, f"{DATA}/all", PIECE)
    write(target, spec, pod, f"{DATA}/none", b"")

    assert run(target, spec, pod, "cat", f"{DATA}/all") == PIECE
    assert run(target, spec, pod, "cat", f"{DATA}/none") == b""
    assert run(target, spec, pod, "echo", "a  b", "'c'", "ü") == "a  b 'c' ü\n".encode()


def test_chunks_of_any_size_are_one_stream(target, bench):
    spec, pod = bench
    chunks = [PIECE[:1], b"", PIECE[1:100_001], PIECE[100_001:]]

    give(target, bench, ["sh", "-c", f"cat > {DATA}/x"], iter(chunks), len(PIECE))

    assert run(target, spec, pod, "cat", f"{DATA}/x") == PIECE


@pytest.mark.parametrize("command", [["sh", "-c", "exit 3"], ["cat", "/no/such/file"]])
def test_status_of_a_command_that_fails_is_told(target, bench, command):
    spec, pod = bench

    with pytest.raises(CommandFailed) as failed:
        run(target, spec, pod, *command)

    assert failed.value.exit_status == (3 if command[0] == "sh" else 1)
    assert len(failed.value.message) < 500
    if command[0] == "cat":
        assert "No such file" in failed.value.complaint


@pytest.mark.parametrize("size", [0, 5, 20_000_000])
def test_command_that_fails_without_reading_is_noticed(target, bench, size):
    chunks = (bytes(100_000) for _ in range(size // 100_000)) if size > 5 else [bytes(size)]

    with pytest.raises(CommandFailed) as failed:
        give(target, bench, ["sh", "-c", "exit 4"], chunks, size)

    assert failed.value.exit_status == 4


def test_command_may_succeed_without_reading_all(target, bench):
    give(target, bench, ["true"], [PIECE] * 10, 10 * len(PIECE))


def reading(target, bench, program):
    spec, pod = bench
    run(target, spec, pod, program)


def writing(target, bench, program):
    give(target, bench, [program], [b"x"], 1)


@pytest.mark.parametrize("way", [reading, writing])
def test_missing_program_is_told_as_such(target, bench, way):
    with pytest.raises(CommandFailed, match="program that is needed is missing") as failed:
        way(target, bench, "no-such-program")

    assert failed.value.exit_status == 127
    assert "missing" in failed.value.message


@pytest.mark.parametrize(("chunks", "size"), [([b"abc"], 4), ([b"abc"], 2), ([], 1)])
def test_announced_size_must_be_true(target, bench, chunks, size):
    with pytest.raises(ValueError, match="were announced"):
        give(target, bench, ["cat"], chunks, size)


def test_fault_of_what_gives_the_chunks_goes_through(target, bench):
    def chunks():
        yield b"abc"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        give(target, bench, ["cat"], chunks(), 10)


def test_what_is_not_there_is_told(target, bench):
    spec, pod = bench

    with pytest.raises(NoSuchObject):
        run(target, spec, f"{pod}-not", "true")
    with pytest.raises(ClusterRefused, match="other"):
        run(target, spec, pod, "true", container="other")


def test_nothing_runs_before_the_first_chunk_is_asked_for(target, bench):
    spec, pod = bench

    output = target.cluster.read_from(spec.namespace, pod, "app", ["sh", "-c", f"echo x > {DATA}/made"])

    with pytest.raises(CommandFailed):
        run(target, spec, pod, "test", "-e", f"{DATA}/made")
    assert list(output) == []
    run(target, spec, pod, "test", "-e", f"{DATA}/made")


def test_whoever_stops_early_ends_the_command(target, bench):
    spec, pod = bench
    output = target.cluster.read_from(spec.namespace, pod, "app", ["sh", "-c", "cat /dev/zero"])
    assert next(output).strip(b"\0") == b""

    output.close()

    assert run(target, spec, pod, "echo", "next") == b"next\n"
    if target.simulator is None:
        target.eventually(lambda: b"/dev/zero" not in run(target, spec, pod, "sh", "-c", PROCESSES))


@pytest.mark.parametrize("force", [False, True])
def test_pod_deleted_in_the_middle_ends_the_stream_with_a_failure(target, bench, force):
    spec, pod = bench
    output = target.cluster.read_from(spec.namespace, pod, "app", ["cat", "/dev/zero"])
    next(output)
    threading.Timer(0.3, target.cluster.delete_pod, (spec.namespace, pod), {"force": force}).start()

    with pytest.raises(CommandFailed) as failed:
        for _ in output:
            pass

    assert failed.value.exit_status == 137
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, pod))
    assert target.cluster.see_pod(spec.namespace, pod) is None


def test_pod_deleted_in_the_middle_of_writing_is_noticed(target, bench):
    spec, pod = bench

    def chunks():
        yield b"x"
        target.eventually(lambda: target.cluster.delete_pod(spec.namespace, pod))
        for _ in range(200):
            yield bytes(100_000)

    with pytest.raises((CommandFailed, NoSuchObject)):
        give(target, bench, ["sh", "-c", f"cat > {DATA}/x"], chunks(), 20_000_001)

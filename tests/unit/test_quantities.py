"""Quantities: every suffix that Kubernetes writes."""

import pytest

from minispod.cluster.quantities import mebibytes, milli, parse_quantity, whole_bytes


@pytest.mark.parametrize(
    ("text", "millicores"),
    [
        ("250m", 250),
        ("1", 1000),
        ("1.5", 1500),
        ("12345678n", 12),
        ("1500u", 2),
        ("2k", 2_000_000),
        (2, 2000),
        (None, 0),
    ],
)
def test_cpu_in_millicores(text, millicores):
    assert milli(text) == millicores


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [
        ("512Mi", 512),
        ("1Gi", 1024),
        ("1536Ki", 1),
        ("32768000Ki", 32000),
        ("1G", 953),
        ("129e6", 123),
        ("128974848", 123),
        ("128974848000m", 123),
        ("1Ti", 1048576),
        ("0", 0),
        (None, 0),
    ],
)
def test_memory_in_megabytes(text, megabytes):
    assert mebibytes(text) == megabytes


@pytest.mark.parametrize(
    ("text", "size"), [("1Pi", 2**50), ("1Ei", 2**60), ("1P", 10**15), ("1E", 10**18), ("2E3", 2000)]
)
def test_the_biggest_suffixes(text, size):
    assert whole_bytes(text) == size


@pytest.mark.parametrize("text", ["", "1Q", "Mi", "1 Mi x", "--1", "1KiB"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity(text)

"""A small QR encoder for the payment page: byte mode, version 3, error correction L, mask 0.

One size is enough for what the simulator shows (at most 53 bytes), and no library is needed for it.
Invariant: the drawn symbol decodes to exactly the given text.
"""

from collections.abc import Iterator

SIZE = 29
DATA_CODEWORDS = 55
CHECK_CODEWORDS = 15
CAPACITY = DATA_CODEWORDS - 2
QUIET = 4
_ALIGNMENT = 22
_FORMAT_BITS = 0b111011111000100  # level L, mask 0, as the standard's table has it
_FIELD = 0x11D

Matrix = list[list[bool | None]]


def _multiply(a: int, b: int) -> int:
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ ((product >> 7) * _FIELD)
        product ^= ((b >> bit) & 1) * a
    return product


def _generator() -> list[int]:
    polynomial = [0] * (CHECK_CODEWORDS - 1) + [1]
    root = 1
    for _ in range(CHECK_CODEWORDS):
        for i in range(CHECK_CODEWORDS):
            polynomial[i] = _multiply(polynomial[i], root)
            if i + 1 < CHECK_CODEWORDS:
                polynomial[i] ^= polynomial[i + 1]
        root = _multiply(root, 2)
    return polynomial


def check_codewords(data: list[int]) -> list[int]:
    """The Reed-Solomon remainder of the data codewords."""
    generator, remainder = _generator(), [0] * CHECK_CODEWORDS
    for byte in data:
        factor = byte ^ remainder.pop(0)
        remainder.append(0)
        for i, coefficient in enumerate(generator):
            remainder[i] ^= _multiply(coefficient, factor)
    return remainder


def _codewords(text: str) -> list[int]:
    raw = text.encode()
    if len(raw) > CAPACITY:
        raise ValueError(f"at most {CAPACITY} bytes fit")
    bits = "0100" + f"{len(raw):08b}" + "".join(f"{byte:08b}" for byte in raw) + "0000"
    data = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    padding = (0xEC, 0x11)
    data += [padding[i % 2] for i in range(DATA_CODEWORDS - len(data))]
    return data + check_codewords(data)


def _place_finder(matrix: Matrix, row: int, column: int) -> None:
    for y in range(-1, 8):
        for x in range(-1, 8):
            if 0 <= row + y < SIZE and 0 <= column + x < SIZE:
                ring = max(abs(x - 3), abs(y - 3))
                matrix[row + y][column + x] = ring in {0, 1, 3}


def _place_format(matrix: Matrix) -> None:
    bits = [bool(_FORMAT_BITS >> i & 1) for i in range(15)]
    around = [*range(6), 7, 8]
    for i, bit in enumerate(bits[:8]):
        matrix[around[i]][8] = bit
        matrix[8][SIZE - 1 - i] = bit
    for i, bit in enumerate(bits[8:]):
        matrix[8][(7, 5, 4, 3, 2, 1, 0)[i]] = bit
        matrix[SIZE - 7 + i][8] = bit
    matrix[SIZE - 8][8] = True


def _skeleton() -> Matrix:
    matrix: Matrix = [[None] * SIZE for _ in range(SIZE)]
    for i in range(SIZE):
        matrix[6][i] = matrix[i][6] = i % 2 == 0
    for row, column in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):
        _place_finder(matrix, row, column)
    for y in range(-2, 3):
        for x in range(-2, 3):
            matrix[_ALIGNMENT + y][_ALIGNMENT + x] = max(abs(x), abs(y)) != 1
    _place_format(matrix)
    return matrix


def data_path() -> Iterator[tuple[int, int]]:
    """Rows and columns in the order in which data bits are laid."""
    skeleton, upward, column = _skeleton(), True, SIZE - 1
    while column > 0:
        column -= column == 6  # the timing column is stepped over
        for step in range(SIZE):
            row = SIZE - 1 - step if upward else step
            for x in (column, column - 1):
                if skeleton[row][x] is None:
                    yield row, x
        upward, column = not upward, column - 2


def encode(text: str) -> list[list[bool]]:
    """The symbol as rows of dark (True) and light modules."""
    matrix = _skeleton()
    bits = [bool(word >> i & 1) for word in _codewords(text) for i in range(7, -1, -1)]
    for i, (row, column) in enumerate(data_path()):
        bit = bits[i] if i < len(bits) else False
        matrix[row][column] = bit ^ ((row + column) % 2 == 0)
    return [[bool(module) for module in row] for row in matrix]


def as_svg_path(text: str) -> tuple[str, int]:
    """The dark modules as the `d` of one SVG path, and the side of its view box."""
    rows = encode(text)
    dark = [
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, module in enumerate(row)
        if module
    ]
    return "".join(dark), SIZE + 2 * QUIET

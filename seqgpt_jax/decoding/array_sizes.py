"""Sizes of padded arrays: few of them, so that few programs are compiled."""


def power_of_two(size: int, least: int = 1) -> int:
    """The smallest power of two that holds `size`, at least `least`.

    >>> power_of_two(5), power_of_two(8), power_of_two(0), power_of_two(3, least=64)
    (8, 8, 1, 64)
    """
    return max(least, 1 << (max(size, 1) - 1).bit_length())

"""Amounts of money as whole cents, so that nothing is lost in binary fractions."""

from decimal import ROUND_HALF_EVEN, Decimal


def cents(amount: str) -> int:
    """Return an amount such as "12.345" in cents, rounded half to even."""
    return int((Decimal(amount) * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def text(amount: int) -> str:
    """Return cents as people write them."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"

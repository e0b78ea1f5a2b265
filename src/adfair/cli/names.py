"""Options that list names with commas between them."""


def listed(text: str | None) -> list[str]:
    """The names of ``a, b``; none without text."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]

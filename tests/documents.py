"""Documents that many tests send."""


def write_document(mutation: str, fields: str = "outcome") -> str:
    """A mutation that takes an input, with these fields of its payload."""
    input_type = f"{mutation[0].upper()}{mutation[1:]}Input"
    return f"mutation Write($input: {input_type}!) {{ {mutation}(input: $input) {{ {fields} }} }}"

"""Compiled templates, shared by all applications of a test process."""

from jinja2 import BytecodeCache


class TemplateCache(BytecodeCache):
    """Keeps in memory what Jinja compiled; Jinja itself compares the source's checksum."""

    def __init__(self):
        self.compiled_templates = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.compiled_templates:
            bucket.bytecode_from_string(self.compiled_templates[bucket.key])

    def dump_bytecode(self, bucket):
        self.compiled_templates[bucket.key] = bucket.bytecode_to_string()

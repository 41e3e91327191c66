"""Holds Kubernetes objects (a JSON list on standard input) to the schemas of Kubernetes; unknown members are errors."""

import json
import sys

import kubernetes_validate

VERSIONS = ["1.28", "1.34"]


def faults(object):
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(object, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{object['kind']} {object['metadata'].get('name')} ({version}): {error.message}"


def main():
    objects = json.load(sys.stdin)
    found = [fault for object in objects for fault in faults(object)]
    print("\n".join(found))
    sys.exit(bool(found) or not objects)


main()

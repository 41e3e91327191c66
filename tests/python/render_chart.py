"""Prints what installing a chart would send to a cluster, as a JSON list of objects.

    render_chart.py CHART [VALUES.json]

Helm's own engine renders (package `helm-sdkpy`, which carries it). It only knows how to install, so what it talks to is a
stand-in for the API server that takes every object and keeps nothing.
"""

import asyncio
import http.server
import json
import sys
import threading

import helm_sdkpy

RELEASE = "twinward"
NAMESPACE = "twins"
# Group and version, kind, plural: what the stand-in says the cluster knows.
KINDS = [
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Secret", "secrets"),
    ("v1", "Service", "services"),
    ("v1", "ServiceAccount", "serviceaccounts"),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("networking.k8s.io/v1", "Ingress", "ingresses"),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
]


class StandIn(http.server.BaseHTTPRequestHandler):
    """As much of the Kubernetes API as an installation asks for."""

    protocol_version = "HTTP/1.1"
    installed = []

    def log_message(self, format, *arguments):
        pass

    def do_GET(self):
        path = self.path.split("?")[0].strip("/")
        if path == "version":
            self.answer(200, {"major": "1", "minor": "31", "gitVersion": "v1.31.0"})
        elif path == "api":
            self.answer(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "apis":
            self.answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups()})
        elif (resources := resources_of(path)) is not None:
            self.answer(200, resources)
        elif path.endswith("/secrets"):
            self.answer(200, {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []})
        else:
            self.answer(404, status("NotFound", 404))

    def do_POST(self):
        self.take(201)

    def do_PUT(self):
        self.take(200)

    def take(self, code):
        """Objects of the chart come as JSON; Helm's own record of the release does not."""
        body = self.rfile.read(int(self.headers["content-length"]))
        form = self.headers["content-type"]
        if form == "application/json":
            self.installed.append(json.loads(body))
        self.send(code, form, body)

    def answer(self, code, object):
        self.send(code, "application/json", json.dumps(object).encode())

    def send(self, code, form, body):
        self.send_response(code)
        self.send_header("content-type", form)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def status(reason, code):
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}


def groups():
    names = sorted({version for version, _, _ in KINDS if "/" in version})
    versions = [{"groupVersion": name, "version": name.split("/")[1]} for name in names]
    return [
        {"name": each["groupVersion"].split("/")[0], "versions": [each], "preferredVersion": each}
        for each in versions
    ]


def resources_of(path):
    prefix, _, version = path.partition("/")
    if prefix not in ("api", "apis") or version not in {each for each, _, _ in KINDS}:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {"name": plural, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": ["create", "get"]}
            for each, kind, plural in KINDS
            if each == version
        ],
    }


def kubeconfig(port):
    """YAML, by which the package tells a configuration from a path."""
    return f"""apiVersion: v1
kind: Config
clusters: [{{name: stand-in, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: nobody, user: {{}}}}]
contexts: [{{name: stand-in, context: {{cluster: stand-in, user: nobody}}}}]
current-context: stand-in
"""


def main():
    chart = sys.argv[1]
    values = json.loads(open(sys.argv[2], encoding="utf-8").read()) if len(sys.argv) > 2 else {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    helm = helm_sdkpy.Configuration(namespace=NAMESPACE, kubeconfig=kubeconfig(server.server_port))
    install = helm_sdkpy.Install(helm).run(RELEASE, chart, values=values, wait=False, timeout=30)
    try:
        asyncio.run(install)
    except helm_sdkpy.HelmError as error:
        sys.exit(f"render_chart: {error}")
    json.dump(StandIn.installed, sys.stdout, indent=1)


main()

"""etcd and kube-apiserver, and on demand the two programs that act: controllers and scheduler."""

import json
import secrets
import urllib.error
import urllib.request
from pathlib import Path

from cluster.kubectl import Kubectl
from cluster.programs import Daemon, run

NODE_IP = "10.0.0.10"
SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"
_API = f"https://{NODE_IP}:6443"
_USERS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "node": ("system:node:node", "system:nodes"),
    # For the names of the cluster, and for nodes that are not there.
    "coredns": ("coredns", "system:masters"),
    "kwok": ("kwok", "system:masters"),
}


def write(path: Path, data: object) -> str:
    """A configuration file; JSON is YAML too. Its path."""
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
    path.chmod(0o600)
    return str(path)


class ControlPlane:
    """One of each, in a network that nobody else is in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._daemons: list[Daemon] = []
        tokens = {name: secrets.token_hex(16) for name in _USERS}
        lines = [f'{tokens[name]},{user},{name},"{group}"' for name, (user, group) in _USERS.items()]
        self._tokens = folder / "tokens.csv"
        self._tokens.write_text("\n".join(lines) + "\n")
        self._tokens.chmod(0o600)
        for name, token in tokens.items():
            write(
                Path(self.kubeconfig(name)),
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "knote",
                    # Both ends are in a network of their own.
                    "clusters": [
                        {"name": "knote", "cluster": {"server": _API, "insecure-skip-tls-verify": True}}
                    ],
                    "users": [{"name": name, "user": {"token": token}}],
                    "contexts": [{"name": "knote", "context": {"cluster": "knote", "user": name}}],
                },
            )
        self.kubectl = Kubectl(self.kubeconfig("admin"), folder)

    def kubeconfig(self, name: str) -> str:
        """The file by which a program signs in."""
        return str(self.folder / f"{name}.kubeconfig")

    def start(self) -> float:
        """Starts etcd and the API server; how many seconds that took."""
        etcd = self.daemon(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=default=http://127.0.0.1:2380",
            # Everything here is thrown away after the run.
            "--unsafe-no-fsync",
        )
        seconds = etcd.wait_for(lambda: _answers("http://127.0.0.1:2379/health"))
        key = self.folder / "service-account.key"
        run("openssl", "genrsa", "-out", key, "2048")
        server = self.daemon(
            "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--bind-address={NODE_IP}",
            f"--advertise-address={NODE_IP}",
            "--secure-port=6443",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--token-auth-file={self._tokens}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # The node has no name that anything else knows.
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged=false",
            "--endpoint-reconciler-type=none",
        )
        return seconds + server.wait_for(
            lambda: self.kubectl.try_run("get", "--raw=/readyz").returncode == 0, timeout_seconds=120
        )

    def start_controllers(self) -> None:
        """Starts kube-controller-manager and kube-scheduler."""
        self.daemon(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('kube-controller-manager')}",
            f"--service-account-private-key-file={self.folder / 'service-account.key'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            # There is no CSR and no token in a pod here.
            "--controllers=*,-csrsigning,-root-ca-certificate-publisher-controller",
            # No node is lost here: one that is late is one of hundreds that are pretended, on a busy machine.
            "--node-monitor-grace-period=300s",
        )
        self.daemon(
            "kube-scheduler",
            f"--kubeconfig={self.kubeconfig('kube-scheduler')}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        )

    def daemon(self, name: str, *arguments: str) -> Daemon:
        """Starts a program that ends with the control plane."""
        made = Daemon(self.folder, name, *arguments)
        self._daemons.append(made)
        return made

    def stop(self) -> None:
        """Ends everything, last one first."""
        while self._daemons:
            self._daemons.pop().stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

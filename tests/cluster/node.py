"""One node: containerd, kubelet, kube-proxy, and the names of the cluster."""

import io
import json
import os
import tarfile
from hashlib import sha256
from pathlib import Path

from cluster.control_plane import NODE_IP, PODS, SERVICES, ControlPlane, write
from cluster.kubectl import is_ready
from cluster.network import remove_pods
from cluster.programs import CLUSTER, program, run

NAME = "node"
_SOCKET = "/run/containerd/containerd.sock"
_PAUSE = "knote.test/pause:local"
# What minikube's own pods ask of a node of two processors, its default.
_TAKEN_BY_THE_SYSTEM = "850m"
_VOLUME_GIB = 200


class Node:
    """The node, its images and its volumes."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self.folder = control_plane.folder / NAME
        self.folder.mkdir()
        # The places that cannot be configured.
        for place in ("/run", "/var/log"):
            run("mount", "-t", "tmpfs", "tmpfs", place)
        Path("/var/log/pods").mkdir()
        Path("/run/lock").mkdir()

    def start(self) -> float:
        """Starts everything; how many seconds it took until the node was ready."""
        seconds = self._start_containerd()
        self._load_pause()
        self._start_kubelet()
        self._start_proxy_and_names()
        kubectl = self._control_plane.kubectl

        def is_up() -> bool:
            found = kubectl.try_run("get", "node", NAME, "-o", "json")
            return found.returncode == 0 and is_ready(json.loads(found.stdout))

        return seconds + self._kubelet.wait_for(is_up, timeout_seconds=120)

    def stop(self) -> None:
        """Ends every pod, as whatever runs them would not: they outlive it."""
        self._kubelet.stop()
        for task in self._ctr("tasks", "list", "--quiet").split():
            self._ctr("tasks", "kill", "--signal", "SIGKILL", task)
        remove_pods()

    def import_images(self, archive: Path) -> None:
        """What `docker save` has written becomes what the node has pulled."""
        self._ctr("images", "import", str(archive))

    def name_image(self, name: str, alias: str) -> None:
        """Gives an image a second name."""
        self._ctr("images", "tag", "--force", name, alias)

    def add_volumes(self, count: int) -> None:
        """Makes the default StorageClass, and local volumes for it."""
        meta = {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
        on_this_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
        volumes = []
        for number in range(count):
            folder = self.folder / "volumes" / str(number)
            folder.mkdir(parents=True)
            volumes.append(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": f"local-{number}"},
                    "spec": {
                        "capacity": {"storage": f"{_VOLUME_GIB}Gi"},
                        "accessModes": ["ReadWriteOnce"],
                        "storageClassName": "local",
                        "local": {"path": str(folder)},
                        "nodeAffinity": {
                            "required": {"nodeSelectorTerms": [{"matchExpressions": [on_this_node]}]}
                        },
                    },
                }
            )
        self._control_plane.kubectl.apply(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": meta,
                "provisioner": "kubernetes.io/no-provisioner",
                "volumeBindingMode": "WaitForFirstConsumer",
            },
            *volumes,
        )

    def _ctr(self, *arguments: str) -> str:
        return run(
            program("ctr"), "--address", _SOCKET, "--namespace", "k8s.io", *arguments, timeout_seconds=300
        )

    def _start_containerd(self) -> float:
        settings = self.folder / "containerd.toml"
        plugins = self.folder / "network"
        plugins.mkdir()
        network = {
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(self.folder / "addresses"),
                        "ranges": [[{"subnet": PODS}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                }
            ],
        }
        write(plugins / "10-pods.conflist", network)
        settings.write_text(
            f"""version = 3
root = '{self.folder / "containerd"}'
state = '/run/containerd'
[grpc]
address = '{_SOCKET}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{_PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
# Where root may not lower it.
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{CLUSTER.resolve() / "bin"}']
conf_dir = '{plugins}'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{program("runc").resolve()}'
SystemdCgroup = false
"""
        )
        daemon = self._control_plane.daemon("containerd", "--config", str(settings))
        return daemon.wait_for(lambda: Path(_SOCKET).exists() and bool(self._ctr("version")))

    def _load_pause(self) -> None:
        archive = self.folder / "pause.tar"
        archive.write_bytes(_image(_PAUSE, program("pause")))
        self.import_images(archive)

    def _start_kubelet(self) -> None:
        no_names = self.folder / "resolv.conf"
        no_names.write_text("")
        settings = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            # Where the machine has the old control groups still.
            "failCgroupV1": False,
            "failSwapOn": False,
            "cgroupDriver": "cgroupfs",
            "containerRuntimeEndpoint": f"unix://{_SOCKET}",
            "clusterDNS": [NODE_IP],
            "clusterDomain": "cluster.local",
            "resolvConf": str(no_names),
            # Nobody but the cluster is in this network.
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "systemReserved": {"cpu": _TAKEN_BY_THE_SYSTEM},
            # A disk that somebody else fills is no reason to end these pods.
            "evictionHard": {"memory.available": "100Mi"},
            "imageGCHighThresholdPercent": 100,
            "makeIPTablesUtilChains": False,
        }
        self._kubelet = self._control_plane.daemon(
            "kubelet",
            f"--config={write(self.folder / 'kubelet.json', settings)}",
            f"--kubeconfig={self._control_plane.kubeconfig('node')}",
            f"--root-dir={self.folder / 'kubelet'}",
            f"--hostname-override={NAME}",
            f"--node-ip={NODE_IP}",
            "--node-labels=topology.kubernetes.io/zone=a",
        )

    def _start_proxy_and_names(self) -> None:
        settings = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": PODS,
            "hostnameOverride": NAME,
            "clientConnection": {"kubeconfig": self._control_plane.kubeconfig("kube-proxy")},
            # The whole machine's, and not this network's to set.
            "conntrack": {"maxPerCore": 0, "min": 0},
        }
        self._control_plane.daemon(
            "kube-proxy", f"--config={write(self.folder / 'kube-proxy.json', settings)}"
        )
        names = self.folder / "Corefile"
        # As long remembered as most clusters do.
        names.write_text(
            f""".:53 {{
    bind {NODE_IP}
    errors
    ready 127.0.0.1:8181
    cache 30
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {self._control_plane.kubeconfig("coredns")} knote
        ttl 30
    }}
}}
"""
        )
        self._control_plane.daemon("coredns", "-conf", str(names))


def _image(name: str, entrypoint: Path) -> bytes:
    """The archive of an image of one static program."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        member = tarfile.TarInfo("pause")
        member.size, member.mode = entrypoint.stat().st_size, 0o755
        with entrypoint.open("rb") as file:
            tar.addfile(member, file)
    root = {"type": "layers", "diff_ids": [f"sha256:{sha256(layer.getvalue()).hexdigest()}"]}
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": root,
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, data in (
            ("layer.tar", layer.getvalue()),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


__all__ = ["NAME", "SERVICES", "Node"]

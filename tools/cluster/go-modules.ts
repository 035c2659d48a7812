import { type Minor, releases } from './releases.ts'

const containerdVersion = 'v2.4.2'
const helmVersion = 'v3.19.0'

/** What each module of `go/` builds: name of the binary → its package. */
export const goModules = {
  'kubernetes-1.37': kubernetes('1.37'),
  'kubernetes-1.34': kubernetes('1.34'),
  containerd: {
    ldflags: `-s -w -X github.com/containerd/containerd/v2/version.Version=${containerdVersion}`,
    packages: {
      containerd: 'github.com/containerd/containerd/v2/cmd/containerd',
      'containerd-shim-runc-v2': 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2',
      ctr: 'github.com/containerd/containerd/v2/cmd/ctr',
    },
  },
  coredns: { ldflags: '-s -w', packages: { coredns: 'github.com/coredns/coredns' } },
  helm: {
    // As Helm's own Makefile does: without the minor of its client-go, `helm template` assumes Kubernetes 1.20.
    ldflags: [
      `-s -w -X helm.sh/helm/v3/internal/version.version=${helmVersion}`,
      '-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34',
      '-X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34',
    ].join(' '),
    packages: { helm: 'helm.sh/helm/v3/cmd/helm' },
  },
  pause: { ldflags: '-s -w', packages: { pause: '.' } },
} as const

export type GoModule = keyof typeof goModules

function kubernetes(minor: Minor) {
  const { version } = releases[minor]
  const [major, minorNumber] = minor.split('.')
  const variables = { gitVersion: version, gitMajor: major, gitMinor: minorNumber }
  const set = Object.entries(variables).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  return {
    ldflags: ['-s -w', ...set].join(' '),
    packages: {
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
      etcd: 'go.etcd.io/etcd/server/v3',
    },
  } as const
}

import { beforeAll, describe, expect, it } from 'vitest'
import { minors, oldestMinor, releases } from '../../tools/cluster/releases.ts'
import { buildTimeout, chartDirectory, golden, helm, renderText, type Values } from './helm.ts'

const everything: Values = {
  trustDomain: 'prod.example',
  issuer: { url: 'https://issuer.prod.example/signet', scope: 'namespace' },
  clusterDomain: 'prod.internal',
  nudge: 'Always',
  allowedClaims: ['team', 'https://prod.example/tier'],
  tokenExchange: { lifetime: '2m', allowedScopes: ['read', 'payments:write'] },
  rateLimits: { perCaller: 50, perAddress: 0 },
  logLevel: 'debug',
  certificates: { caLifetime: '4380h', servingLifetime: '240h' },
  keyEncryption: { secretName: 'signet-key-encryption', issuingKeysSecretName: 'signet-issuing-key-encryption' },
  image: {
    repository: 'registry.example/signet',
    digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
    pullPolicy: 'Always',
  },
  imagePullSecrets: [{ name: 'registry' }],
  webhook: {
    replicas: 3,
    resources: { requests: { cpu: '1', memory: '128Mi' }, limits: { memory: '512Mi' } },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
    affinity: { podAntiAffinity: {} },
    priorityClassName: 'system-cluster-critical',
    podAnnotations: { 'prometheus.io/scrape': 'true' },
    podLabels: { team: 'security' },
  },
  authority: {
    introspectors: [{ namespace: 'edge', name: 'gateway' }],
    resources: { requests: { cpu: '1', memory: '128Mi' }, limits: { memory: '512Mi' } },
    autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 30, targetCPUUtilizationPercentage: 60 },
  },
  redis: {
    url: 'rediss+sentinel://signet@sentinel-0.redis.prod.svc,sentinel-1.redis.prod.svc:26380/prod/1?servername=redis',
    passwordSecret: { name: 'redis', key: 'redis-password' },
    sentinelPasswordSecret: { name: 'redis-sentinel' },
    caSecret: { name: 'redis-ca', key: 'tls.crt' },
    certificateSecret: { name: 'redis-client' },
  },
  networkPolicy: {
    enabled: true,
    apiServerCIDRs: ['10.0.0.1/32'],
    apiServerPorts: [6443],
    redisCIDRs: ['10.1.0.0/16'],
    redisPorts: [6379, 26380],
  },
}

const cases: { file: string; values: Values }[] = [
  { file: 'default.golden.yaml', values: {} },
  { file: 'everything.golden.yaml', values: everything },
  { file: 'watch-namespaces.golden.yaml', values: { watchNamespaces: ['shop', 'billing'] } },
  {
    file: 'bare.golden.yaml',
    values: {
      admissionPolicies: { enabled: false },
      podDisruptionBudget: { enabled: false },
      controller: { replicas: 1 },
      webhook: { replicas: 1 },
      authority: { replicas: 1 },
    },
  },
]

beforeAll(() => helm(['version']), buildTimeout)

describe('what the chart renders', () => {
  // The CRD is compared with crds/ elsewhere.
  it.each(cases)('is as in $file', async ({ file, values }) => {
    const text = await renderText({ ...values, crds: { install: false } })
    expect(text).toBe(await golden(file, text))
  })

  it('passes helm lint --strict', async () => {
    const { code, stdout, stderr } = await helm(['lint', '--strict', chartDirectory])
    expect(stderr).toBe('')
    expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed')
    expect(code).toBe(0)
  })

  it.each(minors)('is the same on Kubernetes %s', async (minor) => {
    expect(await renderText({}, ['--kube-version', releases[minor].version])).toBe(await renderText())
  })

  it('is refused by a cluster older than the oldest Kubernetes that is tested', async () => {
    const older = `1.${Number(oldestMinor.split('.')[1]) - 1}.9`
    const { code, stderr } = await helm(['template', 'signet', chartDirectory, '--kube-version', older])
    expect(stderr).toContain(`chart requires kubeVersion: >=${oldestMinor}.0-0`)
    expect(code).not.toBe(0)
  })
})

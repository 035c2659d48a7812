/**
 * A review as the API server sends it for a pod of a ReplicaSet: defaulted fields, managed fields, the projected token
 * volume, an init container and a container with probes and resources; about 4 KB.
 */
export function podReview(): Buffer {
  return Buffer.from(JSON.stringify(review))
}

const owner = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'orders-6d9f7c5b84',
  uid: '0d7a3a52-5f0e-4b39-9a0f-5f3f2f9f7a11',
  controller: true,
  blockOwnerDeletion: true,
}
const accountMount = {
  name: 'kube-api-access-x7k2p',
  readOnly: true,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
}
const containerDefaults = {
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
  securityContext: {
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
  },
}
const probe = (path: string) => ({
  httpGet: { path, port: 8080, scheme: 'HTTP' },
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
})
const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    generateName: 'orders-6d9f7c5b84-',
    namespace: 'shop',
    creationTimestamp: null,
    labels: { app: 'orders', 'pod-template-hash': '6d9f7c5b84', 'signet.dev/inject': 'true', tier: 'backend' },
    annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
    ownerReferences: [owner],
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-02T03:04:05Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:annotations': { '.': {} }, 'f:generateName': {}, 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': { 'f:containers': { 'k:{"name":"orders"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
        },
      },
    ],
  },
  spec: {
    volumes: [
      { name: 'config', configMap: { name: 'orders-config', defaultMode: 420 } },
      {
        name: accountMount.name,
        projected: {
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          ],
          defaultMode: 420,
        },
      },
    ],
    initContainers: [
      {
        name: 'migrate',
        image: 'registry.example/shop/orders-migrate:1.42.0',
        args: ['--to', 'latest'],
        resources: { requests: { cpu: '50m', memory: '64Mi' } },
        volumeMounts: [accountMount],
        ...containerDefaults,
      },
    ],
    containers: [
      {
        name: 'orders',
        image: 'registry.example/shop/orders:1.42.0',
        command: ['/app/orders'],
        args: ['--config', '/etc/orders/config.yaml', '--listen', ':8080'],
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        env: [
          { name: 'LOG_LEVEL', value: 'info' },
          { name: 'PAYMENTS_URL', value: 'https://payments.shop.svc' },
          { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'DATABASE_PASSWORD', valueFrom: { secretKeyRef: { name: 'orders-database', key: 'password' } } },
        ],
        resources: { limits: { memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
        volumeMounts: [{ name: 'config', readOnly: true, mountPath: '/etc/orders' }, accountMount],
        livenessProbe: probe('/livez'),
        readinessProbe: probe('/readyz'),
        ...containerDefaults,
      },
    ],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'orders',
    serviceAccount: 'orders',
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    schedulerName: 'default-scheduler',
    tolerations: [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ],
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
  },
  status: {},
}
const review = {
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  request: {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    requestResource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: {
      username: 'system:serviceaccount:kube-system:replicaset-controller',
      uid: '6cb4dd02-3b3a-4a3b-8a4f-9d1f2f3f4f5f',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
    },
    object: pod,
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  },
}

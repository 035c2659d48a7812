import fc from 'fast-check'

/** The parts of a pod that injection reads; further members are there and must survive. */
export interface Container {
  readonly name?: string
  readonly env?: readonly { readonly name: string; readonly value?: string }[] | null
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[] | null
}
export interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | null }
  readonly spec: {
    readonly serviceAccountName?: string
    readonly volumes?: readonly { readonly name: string }[] | null
    readonly initContainers?: readonly Container[] | null
    readonly containers?: readonly Container[] | null
  }
}

const names = fc.constantFrom('app', 'proxy', 'signet', 'toString', '__proto__', 'constructor', 'data', 'ä/~0~1')
const accounts = fc.constantFrom('orders', 'default', 'payments', 'a.b')
const variables = fc.constantFrom('SIGNET_DIR', 'SIGNET_TOKEN_FILE', 'SIGNET_ISSUER', 'A', 'PATH', '__proto__')
const values = fc.constantFrom('', 'x', '/var/run/secrets/signet.dev', '$(SIGNET_DIR)/token')
const paths = fc.constantFrom(
  '/data',
  '/var/run/secrets',
  '/var/run/secrets/signet.dev',
  '/var/run/secrets/signet.dev/',
  '//var/run/./secrets/signet.dev',
  '/var/run/secrets/signet.dev/token',
  '/var/run/secrets/signet.dev-old',
)

/** A list, or what stands for none. */
const listOf = <T>(item: fc.Arbitrary<T>, maxLength = 4) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.array(item, { maxLength }) },
    { weight: 1, arbitrary: fc.constantFrom(null, undefined) },
  )
const unknown = fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined })

const variable = fc.oneof(
  fc.record({ name: variables, value: values }),
  fc.record({ name: variables, valueFrom: fc.constant({ fieldRef: { fieldPath: 'metadata.name' } }) }),
)
const ourVolume = (secret: fc.Arbitrary<string>) =>
  fc.record({
    name: fc.constant('signet'),
    projected: fc.record({
      sources: fc.tuple(fc.record({ secret: fc.record({ name: secret, optional: fc.constantFrom(undefined, true) }) })),
      defaultMode: fc.constantFrom(292, 420, undefined),
    }),
  })
const volume = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ name: fc.constantFrom('data', 'cache', '__proto__'), emptyDir: fc.constant({}) }),
  },
  { weight: 2, arbitrary: ourVolume(accounts.map((account) => `signet.${account}`)) },
  { weight: 1, arbitrary: ourVolume(fc.constant('database')) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('signet'), hostPath: fc.constant({ path: '/' }) }) },
)
const mount = fc.record(
  {
    name: fc.constantFrom('data', 'data', 'signet'),
    mountPath: paths,
    readOnly: fc.boolean(),
    subPath: fc.constantFrom('token', 'tls.crt'),
  },
  { requiredKeys: ['name', 'mountPath'] },
)
const peacefulMount = fc.record({ name: fc.constant('data'), mountPath: fc.constantFrom('/data', '/var/run/secrets') })

const container = (mounts: fc.Arbitrary<object>) =>
  fc.record(
    { name: names, env: listOf(variable), volumeMounts: listOf(mounts, 3), futureField: unknown },
    { requiredKeys: ['name'] },
  )

const pod = (volumes: fc.Arbitrary<object>, mounts: fc.Arbitrary<object>) =>
  fc
    .record({
      metadata: fc.record(
        {
          annotations: fc.oneof(
            fc.constantFrom(null, undefined),
            fc.dictionary(
              fc.constantFrom('signet.dev/injected', 'signet.dev/skip-containers', 'toString', '__proto__', 'a/b~c'),
              fc.constantFrom('orders', 'app', ' proxy , app', ''),
            ),
          ),
          futureField: unknown,
        },
        { requiredKeys: [] },
      ),
      spec: fc.record(
        {
          serviceAccountName: fc.oneof(accounts, fc.constant('')),
          volumes: listOf(volumes, 3),
          initContainers: listOf(container(mounts), 2),
          containers: listOf(container(mounts), 3),
          futureField: unknown,
        },
        { requiredKeys: [] },
      ),
    })
    // As it comes off the wire: no undefined members, own prototypes.
    .map((value) => JSON.parse(JSON.stringify(value)) as Pod)

/** Pods as hostile or careless as JSON allows; some cannot be injected. */
export const anyPod = pod(volume, mount)

/** Pods that have nothing at our name and path, so that they can always be injected. */
export const peacefulPod = pod(
  fc.record({ name: fc.constantFrom('data', 'cache'), emptyDir: fc.constant({}) }),
  peacefulMount,
)

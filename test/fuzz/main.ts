import { randomInt } from 'node:crypto'
import { messageOf } from '../../src/errors.ts'
import type { Kubectl } from '../apiserver/kubectl.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { ask, describedApiAt } from '../conformance/described-api.ts'
import { startIssuer } from '../soak/verifiers/issuer.ts'
import { type Given, prepareSchemathesis, runSchemathesis } from './schemathesis.ts'
import { verdictOf } from './verdict.ts'

const usage = `usage: npm run fuzz -- [--minutes NUMBER] [--seed NUMBER]
  Asks a real authority, on a real API server, everything that its description allows and much that it does not.
  Fails on every answer that is not described; of 5xx only 503 with Retry-After is. 10 minutes unless told otherwise.`

const namespace = 'fuzz'
const name = 'orders'
const pods = ['orders-1', 'orders-2']
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`  ${line}\n`)

/** What there is to ask about: an identity, and pods whose ServiceAccount tokens the authority may be shown. */
async function prepare(kubectl: Kubectl, issuer: string): Promise<Given> {
  const metadata = { name, namespace }
  await kubectl.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }])
  await kubectl.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'signet.dev/v1alpha1', kind: 'ServiceIdentity', metadata, spec: {} },
  ])
  const spec = {
    serviceAccountName: name,
    automountServiceAccountToken: false,
    containers: [{ name: 'main', image: 'x' }],
  }
  await kubectl.apply(pods.map((pod) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: pod, namespace }, spec })))
  await kubectl.run(['wait', 'serviceidentity', name, '-n', namespace, '--for=condition=Ready', '--timeout=60s'])
  const bound = (pod: string) => ['--bound-object-kind=Pod', `--bound-object-name=${pod}`]
  const serviceAccount = await Promise.all(
    pods.map((pod) =>
      kubectl.run(['create', 'token', name, '-n', namespace, `--audience=${issuer}`, '--duration=1h', ...bound(pod)]),
    ),
  )
  const secret = ['get', 'secret', `signet.${name}`, '-n', namespace, '-o', 'go-template={{.data.token}}']
  const signet = [Buffer.from(await kubectl.run(secret), 'base64').toString()]
  const tokens = { serviceAccount: serviceAccount.map((token) => token.trim()), signet }
  return { tokens, parameters: { namespace, name } }
}

async function fuzz(minutes: number, seed: number): Promise<readonly string[]> {
  const tools = await prepareSchemathesis(log)
  const issuer = await startIssuer(log, { replicas: 1 })
  try {
    const { url, caFile, directory, kubectl } = issuer
    const given = await prepare(kubectl, url)
    await waitFor({
      what: 'the keys of the identity to be published',
      limitMs: 30_000,
      until: async () => (await ask(url, `/ns/${namespace}/sa/${name}/jwks.json`)).status === 200,
    })
    const { paths, description } = await describedApiAt(url)
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      ['get', 'post'].filter((method) => method in item).map((method) => `${method.toUpperCase()} ${path}`),
    )
    log(`${operations.length} operations, ${minutes} minutes, seed ${seed}`)
    const options = { url, description, caFile, minutes, seed, directory, given }
    const { counts, passed } = await runSchemathesis(tools, options)
    const { table, failures } = verdictOf(operations, counts, passed)
    const width = Math.max(...table.map(([operation]) => operation.length))
    say('')
    for (const [operation, answers] of table) say(`${operation.padEnd(width)}  ${answers}`)
    return failures
  } finally {
    await issuer.stop()
  }
}

/** The value of an option, or the number that stands for it; undefined where it cannot be used. */
function numberOf(parameters: readonly string[], option: string, fallback: number): number | undefined {
  const at = parameters.indexOf(option)
  if (at === -1) return fallback
  const text = parameters[at + 1] ?? ''
  return /^[0-9]+(\.[0-9]+)?$/.test(text) && Number(text) > 0 ? Number(text) : undefined
}

async function main(parameters: readonly string[]): Promise<number> {
  const minutes = numberOf(parameters, '--minutes', 10)
  const seed = numberOf(parameters, '--seed', randomInt(1, 2 ** 31))
  const known = parameters.every((text, at) =>
    at % 2 === 0 ? ['--minutes', '--seed'].includes(text) : !text.startsWith('-'),
  )
  if (minutes === undefined || seed === undefined || !known || minutes > 600) {
    process.stderr.write(`${usage}\n`)
    return parameters.includes('--help') ? 0 : 2
  }
  const failures = await fuzz(minutes, seed)
  say('')
  for (const failure of failures) say(`falls short: ${failure}`)
  say(failures.length === 0 ? 'every answer was as described' : `again with: npm run fuzz -- --seed ${seed}`)
  return failures.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`the fuzz test stopped: ${messageOf(error)}\n`)
  process.exitCode = 1
}

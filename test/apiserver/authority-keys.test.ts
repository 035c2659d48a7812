import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { SecretFolder } from '../builders/serving-certificate.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { authority, call } from '../builders/running-server.ts'
import { ControllerProcess } from './controller-process.ts'
import { accountUser, Kubectl } from './kubectl.ts'

/** The chart's roles, `signet controller` and `signet authority` as processes, each with its own account. */
let plane: ControlPlane
let kubectl: Kubectl
let controller: ControllerProcess
let issuer: Awaited<ReturnType<typeof startAuthority>>

const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]

/** The command of a page that sets this annotation, with a value in place of the one that it shows. */
async function annotate(page: string, annotation: string, value: string): Promise<void> {
  const text = await readFile(join(projectDirectory, page), 'utf8')
  const command = new RegExp(
    `^kubectl (annotate configmap signet-jwks.authority .*${annotation}=)(?:".*"|\\S+)(.*)$`,
    'm',
  )
  const [, before = '', after = ''] = command.exec(text) ?? []
  await kubectl.run(`${before}${value}${after}`.split(' '))
}

async function startAuthority(kubeconfig: string) {
  const folder = await SecretFolder.create()
  await folder.write(await authority.issue())
  const [port = 0, probePort = 0, metricsPort = 0] = await freePorts(3)
  const flags = {
    kubeconfig,
    port,
    'probe-port': probePort,
    'metrics-port': metricsPort,
    'certificate-directory': folder.path,
    'log-level': 'debug',
  }
  const parameters = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  const child = spawn(process.execPath, [join(projectDirectory, 'src/cli/main.ts'), 'authority', ...parameters])
  const ended = once(child, 'exit')
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()))
  return {
    log: () => text,
    keys: async () => {
      const { body } = await call({ port, path: '/jwks.json', method: 'GET' })
      return body === '' ? [] : (JSON.parse(body) as { keys: PublicJwk[] }).keys
    },
    ready: async () => (await fetch(`http://127.0.0.1:${probePort}/readyz`)).status === 200,
    issuing: async () =>
      (await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()).includes('\nsignet_issuing 1\n'),
    stop: async () => {
      child.kill('SIGKILL')
      await ended
      await folder.remove()
    },
  }
}

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const metadata = { name: operatorNamespace }
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata }])
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  const kubeconfigOf = (name: string) => plane.kubeconfigFor(accountUser(operatorNamespace, name), groups)
  issuer = await startAuthority(await kubeconfigOf('signet-authority'))
  controller = await ControllerProcess.start(await kubeconfigOf('signet-controller'))
}, buildTimeout)

afterAll(async () => {
  await issuer.stop()
  await controller.stop()
  await plane.stop()
})

const eventually = (what: string, until: () => Promise<boolean>, limitMs = 30_000) =>
  waitFor({ what, limitMs, everyMs: 50, until: () => until().catch(() => false) })
const kids = async () => (await issuer.keys()).map(({ kid }) => kid)
const signing = () => /issuing tokens with another key/g[Symbol.matchAll](issuer.log())

describe("the authority's own keys on a real API server", () => {
  it('are made by the controller, without any identity, and read by the authority, bound to no subject', async () => {
    await eventually('the authority to be ready', issuer.ready, 60_000)
    await eventually('a key to sign', issuer.issuing)
    const [key, ...others] = await issuer.keys()
    expect(others).toEqual([])
    expect(key).toMatchObject({ alg: 'ES256', use: 'sig' })
    expect(key).not.toHaveProperty('sub')
  })

  it('are published ahead when somebody asks for a rotation', async () => {
    await annotate('docs/operate/rotation.md', 'signet.dev/rotate-key', '1')
    await eventually('two keys to be served', async () => (await kids()).length === 2)
    await eventually('the log to tell of the first key', async () => [...signing()].length > 0)
    expect([...signing()]).toHaveLength(1)
  })

  it('are replaced at once when somebody revokes the one that signs', async () => {
    const [, active = ''] = /"kid":"([^"]+)"/.exec(issuer.log()) ?? []
    await annotate('docs/operate/key-rings.md', 'signet.dev/revoke-key', active)
    await eventually('the revoked key to be gone', async () => !(await kids()).includes(active), 10_000)
    await eventually('another key to sign', async () => [...signing()].length > 1 && (await issuer.issuing()))
    const reasons = ['get', 'events', '-n', operatorNamespace, '-o', 'jsonpath={.items[*].reason}']
    await eventually('the Event', async () => (await kubectl.run(reasons)).includes('Revoked'))
  })

  it('I1: come back with the keys they had when somebody deletes their Secret', async () => {
    const before = await kids()
    await kubectl.run(['delete', 'secret', 'signet-keys.authority', '-n', operatorNamespace])
    await controller.said('key ring of the issuing keys restored')
    expect(await kids()).toEqual(before)
    expect(await issuer.issuing()).toBe(true)
  })

  it('I3: leave no trace of a private key in either log', async () => {
    const secret = await kubectl.run(['get', 'secret', 'signet-keys.authority', '-n', operatorNamespace, '-o', 'json'])
    const { data } = JSON.parse(secret) as { data: Record<string, string> }
    const ring = Buffer.from(data['ring.json'] ?? '', 'base64').toString()
    const found = [...ring.matchAll(/"d":"([^"]+)"/g)].map(([, d]) => d ?? '')
    expect(found.length).toBeGreaterThan(0)
    for (const d of found) expect(`${issuer.log()}${controller.text}`).not.toContain(d)
  })
})

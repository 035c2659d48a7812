import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Cluster } from '../tools/cluster/cluster.ts'
import { buildImage, nodeBaseImage } from '../tools/cluster/image.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { buildExample } from './build-example.ts'
import { root } from './run.ts'

const execute = promisify(execFile)

export const image = 'localhost/signet:dev'
export const exampleImage = 'localhost/signet-example:dev'
export const namespace = 'signet-system'

type Log = (line: string) => void

/** Runs a program against the cluster; its output, or an error with what it said. */
export async function inCluster(
  cluster: Cluster,
  program: 'kubectl' | 'helm',
  parameters: readonly string[],
  input?: string,
): Promise<string> {
  const child = execute(cluster[program], parameters, {
    env: { ...process.env, ...cluster.env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 5 * 60_000,
  })
  if (input !== undefined) child.child.stdin?.end(input)
  const { stdout } = await child
  return stdout
}

/** Builds Signet's image and the examples' on the local base, and loads them into the cluster. */
export async function loadImages(log: Log): Promise<void> {
  const { stdout } = await execute(process.execPath, ['scripts/build.ts'], { cwd: root, timeout: 5 * 60_000 })
  log(stdout.trim())
  const buildArgs = { BASE: nodeBaseImage }
  const quiet = (line: string): void => {
    if (!buildStep.test(line)) log(line)
  }
  await buildImage({
    contextDirectory: join(root, 'dist'),
    dockerfile: join(root, 'Dockerfile'),
    tag: image,
    buildArgs,
    log: quiet,
  })
  await buildImage({ contextDirectory: await buildExample(), tag: exampleImage, buildArgs, log: quiet })
}

/** What docker says while all is well; when it fails, the error shows its last lines. */
const buildStep = /^(Sending build context|Step \d|\s*--->|Removing intermediate|Successfully)|^\s*$/

/** Installs or upgrades the chart with the locally built image, and waits until all is ready. */
export async function installChart(cluster: Cluster, values: Readonly<Record<string, string>> = {}): Promise<void> {
  const all = { 'image.repository': 'localhost/signet', 'image.tag': 'dev', ...values }
  const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  // The tag stays the same when the image changes: this makes the pods change with it.
  const build = await buildOfImage()
  for (const component of ['controller', 'webhook', 'authority']) {
    set.push('--set-string', String.raw`${component}.podAnnotations.signet\.dev/build=${build}`)
  }
  const chart = join(root, 'charts/signet')
  await inCluster(cluster, 'helm', [
    'upgrade',
    '--install',
    'signet',
    chart,
    '--namespace',
    namespace,
    '--create-namespace',
    '--wait',
    '--timeout',
    '3m',
    ...set,
  ])
  await webhookIsReached(cluster)
}

const anyIdentity = `apiVersion: signet.dev/v1alpha1
kind: ServiceIdentity
metadata:
  name: not-kept
  namespace: default
`

/** Pods that are ready are reached through their Service a moment later: once kube-proxy has heard of them. */
async function webhookIsReached(cluster: Cluster): Promise<void> {
  await waitFor({
    what: 'the webhook to be reached through its Service',
    limitMs: 30_000,
    everyMs: 250,
    until: async () => {
      await inCluster(cluster, 'kubectl', ['create', '--dry-run=server', '-f', '-'], anyIdentity)
      return true
    },
  })
}

/** A short hash of the bundle, whose entry names the other parts by theirs. */
async function buildOfImage(): Promise<string> {
  const bundle = await readFile(join(root, 'dist/signet.mjs'))
  return createHash('sha256').update(bundle).digest('hex').slice(0, 12)
}

import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { servingName } from '../test/builders/serving-certificate.ts'
import { podReview } from './admission-review.ts'
import { builtBundle } from './built-bundle.ts'
import { type Figures, type Findings, medianOf, type Options, progress } from './measurement.ts'
import { type ServerCommand, type ServerProcess, startServerProcess } from './server-process.ts'
import { withServingCertificate } from './serving-certificate.ts'
import { load, type LoadOptions } from './wrk.ts'

export const name = 'webhook'
export const describe =
  'admission reviews over TLS, beside a bare Node server that only answers (--seconds 5 --rounds 3 --connections 16 --processes 2)'

/**
 * The shipped `signet webhook` and the bare server in turns, so that a busy moment of the machine affects both alike;
 * the median of the rounds counts. Several processes stand for as many replicas, each with its share of the connections.
 */
export async function run(options: Options): Promise<Findings> {
  const { seconds = 5, rounds = 3, connections = 16, processes = 2 } = options
  const body = podReview()
  const bundle = await builtBundle()
  return withServingCertificate(async (directory) => {
    const servers: ServerProcess[] = []
    const start = async (run: ServerCommand): Promise<ServerProcess[]> => {
      const started = await Promise.all(Array.from({ length: processes }, () => startServerProcess(run)))
      servers.push(...started)
      return started
    }
    try {
      const webhooks = await start(webhookCommand(bundle, directory))
      const answer = await ask(webhooks[0]!.port, body, await readFile(join(directory, 'ca.crt')))
      const bares = await start(bareCommand(directory, answer.length))
      const drive = (targets: readonly ServerProcess[], duration: number): Promise<Figures> =>
        driveAll(targets, { seconds: duration, connections: Math.ceil(connections / processes), body })
      progress(`a review of ${body.length} bytes, answered with ${answer.length}; warming up`)
      await drive(webhooks, 3)
      await drive(bares, 3)
      const ours: Figures[] = []
      const theirs: Figures[] = []
      for (let round = 1; round <= rounds; round += 1) {
        progress(`round ${round} of ${rounds}`)
        ours.push(await drive(webhooks, seconds))
        theirs.push(await drive(bares, seconds))
      }
      const [figures, peer] = [medianOf(ours), medianOf(theirs)]
      const ratioToBare = (figures.requestsPerSecond ?? Number.NaN) / (peer.requestsPerSecond ?? Number.NaN)
      return { processes, ...figures, ratioToBare, bare: peer }
    } finally {
      await Promise.all(servers.map((server) => server.stop()))
    }
  })
}

function webhookCommand(bundle: string, directory: string): ServerCommand {
  const ports = ['--port=0', '--metrics-port=0', '--probe-port=0']
  return {
    parameters: [bundle, 'webhook', ...ports, `--certificate-directory=${directory}`],
    announcement: /"port":(\d+)[^\n]*"serving admission"/,
  }
}

function bareCommand(directory: string, bytes: number): ServerCommand {
  const file = new URL('servers/bare.ts', import.meta.url).pathname
  return { parameters: [file, directory, String(bytes)], announcement: /listening (\d+)\n/ }
}

/** Load on all at the same time: rates and memory add up, of times the worst counts. */
async function driveAll(targets: readonly ServerProcess[], options: Omit<LoadOptions, 'url'>): Promise<Figures> {
  const headers = { 'content-type': 'application/json' }
  const before = await sum(targets.map((target) => target.cpuSeconds()))
  const loads = await Promise.all(
    targets.map(({ port }) => load({ ...options, headers, url: `https://127.0.0.1:${port}/mutate-pods?timeout=5s` })),
  )
  const total = (figure: string): number => loads.reduce((all, load) => all + (load[figure] ?? Number.NaN), 0)
  const worst = (figure: string): number => Math.max(...loads.map((load) => load[figure] ?? Number.NaN))
  const cpuSeconds = (await sum(targets.map((target) => target.cpuSeconds()))) - before
  return {
    requestsPerSecond: total('requestsPerSecond'),
    p50Ms: worst('p50Ms'),
    p99Ms: worst('p99Ms'),
    maxMs: worst('maxMs'),
    cpuUsPerRequest: (cpuSeconds / total('requests')) * 1e6,
    residentMb: await sum(targets.map((target) => target.residentMb())),
  }
}

async function sum(figures: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(figures)).reduce((all, figure) => all + figure, 0)
}

/** One review, and proof that it is answered with a patch: a webhook that refuses is fast. */
async function ask(port: number, body: Buffer, trustBundle: Buffer): Promise<Buffer> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const outgoing = request(
      {
        port,
        host: '127.0.0.1',
        path: '/mutate-pods?timeout=5s',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        servername: servingName,
        ca: trustBundle,
        agent: false,
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () => resolve(Buffer.concat(parts)))
        response.on('error', reject)
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
  const { response } = JSON.parse(answer.toString()) as { response?: { allowed?: boolean; patch?: string } }
  if (response?.allowed !== true || response.patch === undefined) {
    throw new Error(`the webhook did not inject: ${answer.toString().slice(0, 500)}`)
  }
  return answer
}

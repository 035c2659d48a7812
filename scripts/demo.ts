import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../src/errors.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { type Cluster, up } from '../tools/cluster/cluster.ts'
import { inCluster, installChart, loadImages } from './install.ts'
import { root } from './run.ts'

/**
 * Shows Signet's main task on a real cluster, step by step: installs the chart, applies two identities, reads a mounted
 * token, uses it, and shows which requests are refused. Leaves the cluster running.
 */
const started = performance.now()
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const detail = (text: string): void => say(`   ${text.trimEnd().replaceAll('\n', '\n   ')}`)
let count = 0

async function step<T>(title: string, run: () => Promise<T>): Promise<T> {
  count += 1
  const began = performance.now()
  say(`\n${count}. ${title}`)
  const result = await run()
  detail(`(${((performance.now() - began) / 1000).toFixed(1)} s)`)
  return result
}

async function demo(): Promise<void> {
  say('Signet on a real Kubernetes of one node, on this machine: two services, and how one knows the other.')
  const cluster = await step('Start Kubernetes: API server, etcd, kubelet, containerd', () =>
    up({ owner: 'demo', log: detail }),
  )
  await step('Build the images: Signet (Node and one bundle) and the two example services', () => loadImages(detail))
  await step('helm install signet: controller, webhook and authority, two replicas each', async () => {
    await installChart(cluster)
    detail(await inCluster(cluster, 'kubectl', ['-n', 'signet-system', 'get', 'deployments']))
  })
  await step('kubectl apply: orders and payments, and a ServiceIdentity for each', async () => {
    const file = join(root, 'examples/orders-and-payments/manifests.yaml')
    detail(await inCluster(cluster, 'kubectl', ['apply', '-f', '-'], await readFile(file, 'utf8')))
  })
  await step('The identities become Ready, and the pods start with their tokens mounted', async () => {
    await kubectl(cluster, 'wait', 'serviceidentities', '--all', '--for=condition=Ready', '--timeout=60s')
    await kubectl(cluster, 'rollout', 'status', 'deployment/payments', '--timeout=120s')
    await kubectl(cluster, 'rollout', 'status', 'deployment/orders', '--timeout=120s')
    detail(await kubectl(cluster, 'get', 'serviceidentities'))
  })
  await step('What the token in the pod of orders says (the token itself is never shown)', async () => {
    detail(await orders(cluster, 'claims'))
  })
  await step(
    'orders calls payments, which verifies the token (locally, trusting its mounted ca.crt) and answers',
    async () => {
      await expectAnswer(cluster, 'payments', 200, 'with its token')
    },
  )
  await step('What payments refuses, and why: as its log has it, for the answer does not tell', async () => {
    await expectRefusal(cluster, 'none', 'without a token')
    await expectRefusal(cluster, 'ledger', 'with a token that is meant for ledger')
    await expectRefusal(cluster, 'altered', 'with a token altered on the way')
  })
  sayGoodbye(cluster)
}

function sayGoodbye({ env, kubeconfig }: Cluster): void {
  const added = (env.PATH ?? '').replace(`:${process.env.PATH ?? ''}`, '')
  say(`\nDone in ${Math.round((performance.now() - started) / 1000)} s. The cluster keeps running. To play on:\n`)
  say(`   export KUBECONFIG=${kubeconfig} PATH=${added}:$PATH`)
  say('   kubectl -n demo get sid,pods')
  say('   kubectl -n demo describe sid orders                              # its keys, tokens and Events')
  say('   kubectl -n demo logs deploy/orders -f                            # a call every five seconds')
  say('   kubectl -n demo annotate sid orders signet.dev/rotate-key=now    # a new key, published an hour ahead')
  say('\nTo end it: npm run demo:down')
}

const kubectl = (cluster: Cluster, ...parameters: string[]): Promise<string> =>
  inCluster(cluster, 'kubectl', ['-n', 'demo', ...parameters])

const orders = (cluster: Cluster, ...parameters: string[]): Promise<string> =>
  kubectl(cluster, 'exec', 'deploy/orders', '--', '/nodejs/bin/node', '/app/orders.mjs', ...parameters)

async function expectRefusal(cluster: Cluster, kind: string, title: string): Promise<void> {
  const before = (await refusals(cluster)).length
  await expectAnswer(cluster, kind, 401, title)
  await waitFor({
    what: 'payments to log why it refused',
    limitMs: 10_000,
    until: async () => (await refusals(cluster)).length > before,
  })
  detail(`   ${(await refusals(cluster)).at(-1) ?? ''}`)
}

/** What payments has logged of calls that it refused. */
async function refusals(cluster: Cluster): Promise<string[]> {
  const lines = (await kubectl(cluster, 'logs', 'deploy/payments', '--tail=1000')).split('\n')
  return lines.filter((line) => line.startsWith('refused: '))
}

async function expectAnswer(cluster: Cluster, kind: string, status: number, title: string): Promise<void> {
  const answer = (await orders(cluster, 'call', kind)).trim()
  if (!answer.startsWith(`${status} `)) throw new Error(`payments answered ${answer} to a call ${title}, not ${status}`)
  detail(`${title}: ${answer}`)
}

try {
  await demo()
} catch (error) {
  process.stderr.write(`\nThe demo stopped: ${messageOf(error)}\n`)
  process.stderr.write('To see what the cluster does: npm run cluster -- status. To end it: npm run demo:down\n')
  process.exitCode = 1
}

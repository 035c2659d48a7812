import { beforeAll, describe, expect, it } from 'vitest'
import { namespace } from '../../scripts/install.ts'
import { type Abuse, abusesOfPlain, abusesOfTls, endedAfter } from './abuse.ts'
import { type Pod, TestCluster } from './cluster.ts'
import { memoryOf } from './processes.ts'

/** Every port of every process. Metrics and probes are plain everywhere. */
const plainPorts = [8080, 8081]
const components: { component: string; tlsPort?: number }[] = [
  { component: 'controller' },
  { component: 'webhook', tlsPort: 10250 },
  { component: 'authority', tlsPort: 8443 },
]

let test: TestCluster

beforeAll(async () => {
  test = await TestCluster.of()
})

const pods = (component: string) => test.pods(namespace, `app.kubernetes.io/component=${component}`)
const facts = ({ metadata, status }: Pod) => ({
  name: metadata.name,
  ready: status.containerStatuses?.[0]?.ready,
  restarts: status.containerStatuses?.[0]?.restartCount,
})

// Side by side: each waits for its connections to end.
describe.concurrent.each(components)('the $component', ({ component, tlsPort }) => {
  it('ends every senseless connection within 15 s, and goes on as if nothing had been', async () => {
    const before = (await pods(component)).map(facts)
    expect(before).toHaveLength(2)
    const host = (await pods(component))[0]?.status.podIP ?? ''
    const attempts: { abuse: Abuse; port: number }[] = [
      ...(tlsPort === undefined ? [] : abusesOfTls.map((abuse) => ({ abuse, port: tlsPort }))),
      ...plainPorts.flatMap((port) => abusesOfPlain.map((abuse) => ({ abuse, port }))),
    ]
    const ends = Promise.all(
      attempts.map(
        async ({ abuse, port }) => [`${port} ${abuse.name}`, await endedAfter(abuse, { host, port }, 15_000)] as const,
      ),
    )
    for (const port of plainPorts) expect(await (await fetch(`http://${host}:${port}/livez`)).text()).toMatch(/^ok/)
    console.log(`${component}: ${(await ends).map(([what, ms]) => `${what} ${Math.round(ms)} ms`).join(', ')}`)
    expect((await pods(component)).map(facts)).toEqual(before.map((one) => ({ ...one, ready: true })))
  })
})

describe.each(components)('the $component', ({ component }) => {
  it('says that it is alive and ready, and what it counts', async () => {
    const host = (await pods(component))[0]?.status.podIP ?? ''
    expect((await fetch(`http://${host}:8081/readyz`)).status).toBe(200)
    expect(await (await fetch(`http://${host}:8080/metrics`)).text()).toMatch(/^signet_\w+/m)
  })

  it('starts in a second and takes little memory', async () => {
    const [pod] = (await pods(component)).map(({ metadata }) => metadata.name)
    const started = Number(await test.node(namespace, pod ?? '', startScript(component)))
    const memory = (await pods(component)).map(({ metadata }) => memoryOf(metadata.name))
    const megabytes = memory.map((one) => `${one.residentMb} MB (${one.anonymousMb} MB without mapped files)`)
    console.log(`${component}: started in ${Math.round(started)} ms, resident ${megabytes.join(' and ')}`)
    // The bars are 1 s and 100 MB on a machine that does nothing else; this one runs a whole cluster on two cores.
    expect(started).toBeLessThan(3000)
    for (const { residentMb } of memory) expect(residentMb).toBeLessThan(160)
  })
})

/** Starts one more process of a command within its pod, on ports of its own, and prints how long that took. */
function startScript(command: string): string {
  const port = command === 'controller' ? [] : ['--port', '0']
  const parameters = ['/app/signet.mjs', command, ...port, '--metrics-port', '0', '--probe-port', '0']
  return `
    const began = performance.now()
    const child = require("child_process").spawn(process.execPath, ${JSON.stringify(parameters)})
    child.stdout.setEncoding("utf8").on("data", (text) => {
      if (!text.includes('"message":"started"')) return
      child.kill("SIGKILL")
      console.log(performance.now() - began)
    })
    child.stderr.pipe(process.stderr)`
}

describe('helm test', () => {
  it('passes', async () => {
    expect(await test.helm('test', 'signet', '--namespace', namespace, '--timeout', '60s')).toMatch(/Phase: +Succeeded/)
  })
})

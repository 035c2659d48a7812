import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MINUTE } from '../../src/time/duration.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { buildTimeout } from '../chart/helm.ts'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

let cluster: FaultCluster
let controller: ControllerProcess

beforeAll(async () => {
  cluster = await FaultCluster.start()
  controller = await cluster.controller()
  await controller.said('leading')
  for (const name of ['victim', 'bystander', 'adopted', 'fought']) await cluster.apply(name)
  await cluster.ready(['victim', 'bystander', 'adopted', 'fought'])
}, buildTimeout)
afterAll(() => cluster.stop())

const refOf = (name: string) => ({ namespace: 'shop', name: `signet.${name}` })
const patch = (name: string, body: unknown) =>
  cluster.client.patch(resources.secrets, refOf(name), body, { type: 'merge' })
const base64 = (text: string) => Buffer.from(text).toString('base64')
const subject = async (name: string) => decodeJwt(await cluster.token(name)).sub

describe('a workload Secret', () => {
  const faults: Readonly<Record<string, () => Promise<unknown>>> = {
    deleted: () => cluster.client.delete(resources.secrets, refOf('victim')),
    emptied: () => patch('victim', { data: null }),
    'filled with rubbish': () =>
      patch('victim', { data: { token: base64('rubbish'), 'default.jwt': base64('rubbish') } }),
    "given another's token": async () => {
      const other = base64(await cluster.token('bystander'))
      return patch('victim', { data: { token: other, 'default.jwt': other } })
    },
    'given a token of its own that was replaced meanwhile': () => {
      const old = base64(firstToken)
      return patch('victim', { data: { token: old, 'default.jwt': base64('x') } })
    },
  }
  let firstToken = ''

  it.each(Object.keys(faults))('I1: %s is back within 10 s with a fresh token', async (fault) => {
    const before = await cluster.token('victim')
    firstToken ||= before
    const untouched = await cluster.token('bystander')
    const started = performance.now()
    await faults[fault]?.()
    await cluster.eventually('a fresh token', 10_000, async () => {
      const token = await cluster.token('victim').catch(() => '')
      const secret = await cluster.secret('victim')
      const whole = secret?.data?.['token'] === secret?.data?.['default.jwt']
      return (
        token.startsWith('eyJ') && token !== before && whole && (await subject('victim'))?.endsWith('/victim') === true
      )
    })
    report(`Secret ${fault}`, { backAfter: secondsSince(started) })
    await cluster.ready(['victim'], 10_000)
    await cluster.witness.look()
    expect(await cluster.token('bystander')).toBe(untouched)
  })

  it('I8: adopted by another owner is left to it, and taken back when it lets go', async () => {
    const mine = await cluster.secret('adopted')
    const theirs = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'f00', controller: true }]
    await patch('adopted', { metadata: { ownerReferences: theirs }, data: { token: base64('theirs') } })
    const started = performance.now()
    await cluster.eventually(
      'the condition',
      10_000,
      async () => (await cluster.condition('adopted'))?.reason === 'Conflict',
    )
    report('Secret adopted', { saidAfter: secondsSince(started) })
    expect((await cluster.secret('adopted'))?.data?.['token']).toBe(base64('theirs'))
    await patch('adopted', { metadata: { ownerReferences: mine?.metadata.ownerReferences } })
    const freed = performance.now()
    await cluster.ready(['adopted'], 10_000)
    report('Secret let go', { backAfter: secondsSince(freed) })
    await cluster.witness.look()
  })

  it('that another hand keeps changing is put right ever more slowly; the condition says so, and it is well after', async () => {
    const version = async () => (await cluster.secret('fought'))?.metadata.resourceVersion
    const minted = () => controller.count('token issued', { identity: 'shop/fought' })
    const before = minted()
    cluster.proxy.requests.length = 0
    let changes = 0
    const started = performance.now()
    let ours = ''
    for (const end = started + 2 * MINUTE; performance.now() < end;) {
      if (ours !== (await version())) {
        const { metadata } = await patch('fought', {
          data: { token: base64(`x${changes}`), 'default.jwt': base64('y') },
        })
        ours = metadata.resourceVersion ?? ''
        changes += 1
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const condition = await cluster.condition('fought')
    expect(condition).toMatchObject({ status: 'False', reason: 'Conflict' })
    const ended = performance.now()
    await cluster.ready(['fought'], 70_000)
    const writes = cluster.proxy.requests.filter(
      ({ verb, path }) => verb === 'update' && path.endsWith('/signet.fought'),
    )
    const mints = minted() - before
    report('Secret fought over for 2 min', { changes, writes: writes.length, mints, readyAfter: secondsSince(ended) })
    expect(writes.length).toBeGreaterThan(5)
    expect(writes.length).toBeLessThanOrEqual(16)
    expect(mints).toBe(writes.length)
    expect(secondsSince(ended)).toBeLessThan(65)
    await cluster.witness.look()
  }, 240_000)
})

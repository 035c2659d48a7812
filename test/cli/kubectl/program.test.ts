import { describe, expect, it } from 'vitest'
import { KubeConfigError } from '../../../src/kube/client/kubeconfig.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { PluginHarness } from '../../builders/kubectl-plugin.ts'

describe('the plugin', () => {
  it.each([['--help'], ['help'], ['help', 'list'], ['list', '--help'], ['--version']])(
    'answers %s %s',
    async (...given) => {
      const { code, out, err } = await new PluginHarness().run(...given)
      expect([code, err]).toEqual([0, ''])
      expect(out).not.toBe('')
    },
  )

  it.each([
    ['no command', []],
    ['an unknown command', ['lst']],
    ['an unknown flag', ['list', '--bogus']],
    ['a missing name', ['show']],
    ['a name too many', ['show', 'orders', 'payments']],
    ['an unknown format', ['list', '-o', 'xml']],
    ['a flag without its value', ['list', '-n']],
  ])('ends with exit code 2 for %s, and shows where the help is', async (_, given) => {
    const plugin = new PluginHarness()
    const { code, out, err } = await plugin.run(...given)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/--help|error:/)
    expect(plugin.flags).toEqual([])
  })

  it('hands on the flags that choose a cluster', async () => {
    const plugin = new PluginHarness()
    await plugin.run('--kubeconfig', 'k', 'list', '--context', 'c', '-n', 'bank')
    expect(plugin.flags).toEqual([{ kubeconfig: 'k', context: 'c', namespace: 'bank' }])
  })

  it('closes its connections, also where a call failed', async () => {
    const plugin = new PluginHarness()
    await plugin.run('list')
    plugin.client.failOnce('list', resources.serviceIdentities, { status: 403, reason: 'Forbidden' })
    expect(await plugin.run('list')).toMatchObject({ code: 1 })
    expect(plugin.closed).toBe(2)
  })

  it.each([
    [0, 'Unreachable', 'check that the cluster at https://api is running, and the --context'],
    [401, 'Unauthorized', 'log in to the cluster again, or use another --context'],
    [403, 'Forbidden', 'kubectl auth can-i --list shows your rights'],
  ])('names a remedy for a failure %d', async (status, reason, remedy) => {
    const plugin = new PluginHarness()
    plugin.client.failOnce('get', resources.serviceIdentities, { status, reason })
    const { code, err } = await plugin.run('show', 'orders')
    expect(code).toBe(1)
    expect(err).toMatch(/^kubectl signet: cannot get serviceidentities shop\/orders: /)
    expect(err).toContain(remedy)
  })

  it('says that there is no cluster', async () => {
    const plugin = new PluginHarness()
    plugin.unreachable = new KubeConfigError('no cluster found')
    expect(await plugin.run('list')).toEqual({ code: 1, out: '', err: 'kubectl signet: no cluster found\n' })
  })
})

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfig, loadUserConfig } from '../../../src/kube/client/kubeconfig.ts'
import { Credentials } from '../../../src/kube/client/credentials.ts'
import { recordingLogger, temporaryFile } from '../../fakes/api-server-fixture.ts'

async function directory(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'signet-kube-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content)
  return path
}

const kubeconfig = (user: object, cluster: object = {}) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://10.0.0.1:6443', 'certificate-authority-data': btoa('authority'), ...cluster },
      },
    ],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    'current-context': 'x',
  })

describe('loadConfig', () => {
  it('finds the ServiceAccount of a pod', async () => {
    const serviceAccountDirectory = await directory({
      token: 't\n',
      'ca.crt': 'authority',
      namespace: 'signet-system\n',
    })
    const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' }
    const files = { caFile: join(serviceAccountDirectory, 'ca.crt'), tokenFile: join(serviceAccountDirectory, 'token') }
    const expected = { server: 'https://10.96.0.1:6443', namespace: 'signet-system', ...files }
    expect(await loadConfig({ environment, serviceAccountDirectory })).toEqual(expected)
    const six = { KUBERNETES_SERVICE_HOST: 'fd00::1' }
    expect(await loadConfig({ environment: six, serviceAccountDirectory })).toMatchObject({
      server: 'https://[fd00::1]:443',
    })
    expect(await loadConfig({ serviceAccountDirectory })).toMatchObject({
      server: 'https://kubernetes.default.svc:443',
      ...files,
    })
  })

  it('prefers the kubeconfig it is given, with token, authority and namespace', async () => {
    const file = await temporaryFile(
      kubeconfig({ token: 't' }, { 'tls-server-name': 'api', 'proxy-url': 'http://proxy:3128' }),
    )
    const config = await loadConfig({ kubeconfig: file, environment: { KUBERNETES_SERVICE_HOST: '10.96.0.1' } })
    expect(config).toMatchObject({
      server: 'https://10.0.0.1:6443',
      serverName: 'api',
      proxyUrl: 'http://proxy:3128',
      namespace: 'shop',
    })
    expect(await config.authenticate?.()).toMatchObject({ headers: { authorization: 'Bearer t' }, ca: 'authority' })
  })

  it('takes client certificates, passwords and who is to be impersonated', async () => {
    const user = {
      'client-certificate-data': btoa('certificate'),
      'client-key-data': btoa('key'),
      username: 'me',
      password: 'secret',
      as: 'somebody',
    }
    const { authenticate } = await loadConfig({ kubeconfig: await temporaryFile(kubeconfig(user)) })
    const credential = await authenticate?.()
    expect(credential).toMatchObject({
      cert: 'certificate',
      key: 'key',
      headers: { authorization: `Basic ${btoa('me:secret')}` },
    })
    expect(credential?.headers['impersonate-user']).toBe('somebody')
  })

  it('T17: asks the plugin of a kubeconfig once, however many calls wait for it', async () => {
    const log = await temporaryFile('')
    const credential = JSON.stringify({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-plugin' },
    })
    const script = `require('node:fs').appendFileSync(process.argv[1], 'x'); console.log(process.argv[2])`
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script, log, credential],
    }
    const config = await loadConfig({ kubeconfig: await temporaryFile(kubeconfig({ exec })) })
    const credentials = new Credentials(config)
    const all = await Promise.all(Array.from({ length: 10 }, () => credentials.current()))
    expect(new Set(all.map(({ headers }) => headers['authorization']))).toEqual(new Set(['Bearer from-plugin']))
    expect(await readFile(log, 'utf8')).toBe('x')
  })

  it('says what is wrong with a kubeconfig, and shows none of it', async () => {
    await expect(loadConfig({ kubeconfig: '/nonexistent/config' })).rejects.toMatchObject({ code: 'ERR_KUBE_CONFIG' })
    const empty = await temporaryFile('{"users":[{"name":"u","user":{"token":"hidden"}}]}')
    await expect(loadConfig({ kubeconfig: empty })).rejects.toThrow(
      /^(?!.*hidden).*(no current cluster|cannot read kubeconfig)/,
    )
  })
})

describe('T14: Credentials', () => {
  it('are read once a minute, by one reader however many ask', async () => {
    let now = 0
    let reads = 0
    const authenticate = async () => {
      reads++
      return { headers: { authorization: `Bearer ${reads}` } }
    }
    const credentials = new Credentials(
      { server: 'https://x', authenticate },
      { clock: { now: () => now, monotonic: () => now } },
    )
    const tokens = async () => (await credentials.current()).headers['authorization']
    expect(await Promise.all([tokens(), tokens(), tokens()])).toEqual(['Bearer 1', 'Bearer 1', 'Bearer 1'])
    now = 59_999
    expect(await tokens()).toBe('Bearer 1')
    now = 60_000
    expect(await Promise.all([tokens(), tokens()])).toEqual(['Bearer 2', 'Bearer 2'])
    await Promise.all([credentials.reload(), credentials.reload()])
    expect(reads).toBe(3)
  })

  it('keep the last good ones where a read fails or finds an empty file', async () => {
    const tokenFile = await temporaryFile('good\n')
    const logger = recordingLogger()
    const credentials = new Credentials({ server: 'https://x', tokenFile }, { logger })
    expect((await credentials.current()).headers).toEqual({ authorization: 'Bearer good' })
    await writeFile(tokenFile, ' \n')
    expect((await credentials.reload()).headers).toEqual({ authorization: 'Bearer good' })
    await rm(tokenFile)
    expect((await credentials.reload()).headers).toEqual({ authorization: 'Bearer good' })
    expect(logger.lines).toHaveLength(2)
    expect(logger.lines.join()).not.toContain('good')
  })

  it('reject where nothing could ever be read, and work once it can', async () => {
    const tokenFile = await temporaryFile('late')
    await rm(tokenFile)
    const credentials = new Credentials({ server: 'https://x', tokenFile })
    await expect(credentials.current()).rejects.toMatchObject({ code: 'ERR_KUBE_CONFIG' })
    await writeFile(tokenFile, 'late')
    expect((await credentials.current()).headers).toEqual({ authorization: 'Bearer late' })
  })
})

describe('loadUserConfig', () => {
  const two = async (): Promise<string> => {
    const config = JSON.parse(kubeconfig({ token: 't' })) as { clusters: object[]; contexts: object[] }
    config.clusters.push({ name: 'd', cluster: { server: 'https://10.0.0.2:6443' } })
    config.contexts.push({ name: 'y', context: { cluster: 'd', user: 'u', namespace: 'bank' } })
    return temporaryFile(JSON.stringify(config))
  }

  it('takes the context that is named, and its namespace', async () => {
    const file = await two()
    expect(await loadUserConfig({ kubeconfig: file, context: 'y' })).toMatchObject({
      server: 'https://10.0.0.2:6443',
      namespace: 'bank',
    })
    expect(await loadUserConfig({ kubeconfig: file })).toMatchObject({ namespace: 'shop' })
  })

  it('names the contexts there are where that one is missing', async () => {
    const missing = loadUserConfig({ kubeconfig: await two(), context: 'z' })
    await expect(missing).rejects.toThrow('kubeconfig has no context z; it has: x, y')
  })
})

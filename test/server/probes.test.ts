import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import { type ProbeServer, type ProbeServerOptions, type Readiness, startProbeServer } from '../../src/server/probes.ts'

let server: ProbeServer
let readiness: Readiness
let render: () => Promise<string>

beforeEach(async () => {
  readiness = { ok: true, checks: [{ name: 'certificate', reason: undefined }] }
  render = async () => 'signet_leader 1\n'
  server = await start({ metrics: { contentType: 'text/plain; version=0.0.4', render: () => render() } })
})
afterEach(() => server.close())

function start(options: Partial<ProbeServerOptions>): Promise<ProbeServer> {
  return startProbeServer({ port: 0, host: '127.0.0.1', ready: () => readiness, logger: silentLogger, ...options })
}

async function get(
  path: string,
  init: RequestInit = {},
  { port } = server,
): Promise<{ status: number; text: string; type: string | null }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') }
}

describe('startProbeServer', () => {
  it('is live whatever readiness says', async () => {
    readiness = { ok: false, checks: [] }
    expect(await get('/livez')).toMatchObject({ status: 200, text: 'ok\n' })
  })

  it('names every check when ready', async () => {
    expect(await get('/readyz')).toMatchObject({ status: 200, text: 'certificate: ok\nready\n' })
  })

  it('says why it is not ready, asked anew each time', async () => {
    const checks = [
      { name: 'certificate', reason: 'does not exist yet' },
      { name: 'shutdown', reason: undefined },
    ]
    readiness = { ok: false, checks }
    expect(await get('/readyz?verbose')).toMatchObject({
      status: 503,
      text: 'certificate: does not exist yet\nshutdown: ok\nnot ready\n',
    })
    readiness = { ok: true, checks: [] }
    expect((await get('/readyz')).status).toBe(200)
  })

  it('serves metrics as they are at that moment', async () => {
    expect(await get('/metrics')).toEqual({ status: 200, text: 'signet_leader 1\n', type: 'text/plain; version=0.0.4' })
  })

  it('answers 500 where metrics or readiness cannot be had, and serves on', async () => {
    render = async () => {
      throw new Error('secret detail')
    }
    const failed = await get('/metrics')
    expect(failed.status).toBe(500)
    expect(failed.text).not.toContain('secret')
    const broken = await start({
      ready: () => {
        throw new Error('cannot look')
      },
    })
    expect((await get('/readyz', {}, broken)).status).toBe(500)
    expect((await get('/livez', {}, broken)).status).toBe(200)
    await broken.close()
  })

  it('has no metrics where none are given, and nothing else', async () => {
    const bare = await start({})
    expect((await get('/metrics', {}, bare)).status).toBe(404)
    expect((await get('/', {}, bare)).status).toBe(404)
    expect((await get('/livez/', {}, bare)).status).toBe(404)
    await bare.close()
  })

  it('answers HEAD without a body, and refuses to be written to', async () => {
    expect(await get('/livez', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
    expect((await get('/livez', { method: 'POST', body: 'x' })).status).toBe(405)
    expect((await get('/metrics', { method: 'DELETE' })).status).toBe(405)
  })

  it('rejects where its port is taken', async () => {
    await expect(start({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

import { createPrivateKey } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY, HOUR } from '../../src/time/duration.ts'
import type { LogFields, Logger } from '../../src/logger.ts'
import { CertificateFiles, type ServingPair } from '../../src/server/certificate-files.ts'
import { SecretFolder, ServingAuthority } from '../builders/serving-certificate.ts'

const authority = await ServingAuthority.create()
const first = await authority.issue()
const second = await authority.issue()

let folder: SecretFolder
let now: number
let pairs: ServingPair[]
let lines: { level: string; message: string; fields: LogFields | undefined }[]
let files: CertificateFiles

beforeEach(async () => {
  folder = await SecretFolder.create()
  now = Date.now()
  pairs = []
  lines = []
  files = new CertificateFiles({
    directory: folder.path,
    onPair: (pair) => pairs.push(pair),
    clock: { now: () => now, monotonic: () => now },
    logger: recordingLogger(),
  })
})
afterEach(() => folder.remove())

function recordingLogger(): Logger {
  const line = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields })
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => recordingLogger(),
  }
}

const served = (): string[] => pairs.map(({ cert }) => cert.toString())

describe('CertificateFiles', () => {
  it('hands on the pair that it finds, and when it ends', async () => {
    await folder.write(await authority.issue({ notAfter: Math.floor(now / 1000) * 1000 + HOUR }))
    await files.reload()
    expect(pairs).toMatchObject([{ notAfter: Math.floor(now / 1000) * 1000 + HOUR }])
    expect(files.reason()).toBeUndefined()
  })

  it('waits where nothing is there yet, and says so once', async () => {
    await files.reload()
    await files.reload()
    expect(files.reason()).toBe('does not exist yet')
    expect(lines.map(({ level }) => level)).toEqual(['info'])
    await folder.write(first)
    await files.reload()
    expect(served()).toEqual([first['tls.crt']])
  })

  it('hands on the same pair once, however often it is written', async () => {
    await folder.write(first)
    await files.reload()
    await folder.write(first)
    await files.reload()
    expect(pairs).toHaveLength(1)
    await folder.write(second)
    await files.reload()
    expect(served()).toEqual([first['tls.crt'], second['tls.crt']])
  })

  it.each([
    ['a key that belongs to another certificate', { ...second, 'tls.key': first['tls.key'] }],
    ['a certificate that cannot be read', { ...second, 'tls.crt': 'garbage' }],
    ['a key that cannot be read', { ...second, 'tls.key': '-----BEGIN PRIVATE KEY-----\nAAAA\n' }],
    ['a certificate file that is cut in the middle', { ...second, 'tls.crt': second['tls.crt'].slice(0, 200) }],
    ['empty files', { 'tls.crt': '', 'tls.key': '' }],
  ])('keeps the last good pair over %s, reports it once, and takes the next good one', async (_, broken) => {
    await folder.write(first)
    await files.reload()
    lines = []
    await folder.write(broken)
    await files.reload()
    await files.reload()
    expect(pairs).toHaveLength(1)
    expect(files.reason()).toBeUndefined()
    expect(lines).toMatchObject([{ level: 'error', message: 'serving certificate not loaded, keeping the last one' }])
    await folder.write(second)
    await files.reload()
    expect(served()).toEqual([first['tls.crt'], second['tls.crt']])
  })

  it('keeps the last good pair when the files go away', async () => {
    await folder.write(first)
    await files.reload()
    await folder.write({})
    await files.reload()
    expect(pairs).toHaveLength(1)
    expect(files.reason()).toBeUndefined()
  })

  it('takes a pair again that went away and came back', async () => {
    await folder.write(first)
    await files.reload()
    await folder.write({ 'tls.crt': 'garbage', 'tls.key': '' })
    await files.reload()
    await folder.write(first)
    await files.reload()
    expect(served().at(-1)).toBe(first['tls.crt'])
    expect(files.reason()).toBeUndefined()
  })

  it('tells of a certificate that has expired, and never lets one take the place of one that has not', async () => {
    const ended = await authority.issue({ notBefore: now - 2 * HOUR, notAfter: now - HOUR })
    await folder.write(ended)
    await files.reload()
    expect(files.reason()).toBe('has expired')
    await folder.write(first)
    await files.reload()
    expect(files.reason()).toBeUndefined()
    await folder.write(ended)
    await files.reload()
    expect(files.reason()).toBeUndefined()
    expect(served().at(-1)).toBe(first['tls.crt'])
    now += 2 * DAY
    expect(files.reason()).toBe('has expired')
  })

  it('I3: never shows a key in what it logs', async () => {
    const key = first['tls.key'].split('\n')[1] ?? ''
    expect(createPrivateKey(first['tls.key']).type).toBe('private')
    await folder.write({ ...second, 'tls.key': first['tls.key'].replace('\n', '\nx') })
    await files.reload()
    await folder.write({ 'tls.crt': first['tls.key'], 'tls.key': first['tls.key'] })
    await files.reload()
    expect(lines).toHaveLength(2)
    expect(JSON.stringify([lines, files.reason()])).not.toContain(key)
  })
})

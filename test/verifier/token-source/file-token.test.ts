import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileToken } from '../../../src/verifier/token-source/file-token.ts'
import { tokenSource } from '../../../src/verifier/token-source/create-token-source.ts'
import { SecretFolder } from '../../builders/serving-certificate.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { makeToken, now } from '../../builders/token.ts'

let folder: SecretFolder
let clock: HeldClock
const [first, second] = [await makeToken(), await makeToken({ claims: { jti: 'token-2' } })]

beforeEach(async () => {
  folder = await SecretFolder.create()
  clock = new HeldClock(now)
})
afterEach(() => folder.remove())

const source = () => new FileToken({ file: join(folder.path, 'payments.jwt'), clock })

describe('a mounted token', () => {
  it('is read again once a second as kubelet swaps it', async () => {
    await folder.write({ 'payments.jwt': `${first}\n` })
    const tokens = source()
    expect(await tokens.token()).toBe(first)
    await folder.write({ 'payments.jwt': second })
    clock.advance(999)
    expect(await tokens.token()).toBe(first)
    clock.advance(1)
    expect(await Promise.all([tokens.token(), tokens.token()])).toEqual([second, second])
  })

  it('serves until it ends where its file cannot be read', async () => {
    await folder.write({ 'payments.jwt': first })
    const tokens = source()
    await tokens.token()
    await folder.write({ 'payments.jwt': 'half of a tok' })
    clock.advance(60_000)
    expect(await tokens.token()).toBe(first)
    clock.advance(3_600_000)
    await expect(tokens.token()).rejects.toMatchObject({ code: 'ERR_TOKEN_SOURCE_FILE' })
    await folder.write({ 'payments.jwt': second })
    expect(await tokens.token()).toBe(second)
  })

  it('is looked for once a second at most where it cannot be read, and each time at its end', async () => {
    await folder.write({ 'payments.jwt': first })
    const tokens = source()
    await tokens.token()
    await folder.write({ 'payments.jwt': 'half of a tok' })
    clock.advance(1000)
    expect(await tokens.token()).toBe(first)
    await folder.write({ 'payments.jwt': second })
    clock.advance(999)
    expect(await tokens.token()).toBe(first)
    clock.advance(1)
    expect(await tokens.token()).toBe(second)
    await folder.write({ 'payments.jwt': 'half of a tok' })
    clock.advance(3_600_000 - 60_000 - 2000 - 500)
    expect(await tokens.token()).toBe(second)
    clock.advance(500)
    await expect(tokens.token()).rejects.toMatchObject({ code: 'ERR_TOKEN_SOURCE_FILE' })
  })

  it('is an error while the file does not exist, and is read as soon as it does', async () => {
    const tokens = source()
    await expect(tokens.token()).rejects.toThrow(/cannot read .*payments.jwt/)
    await folder.write({ 'payments.jwt': first })
    expect(await tokens.token()).toBe(first)
  })

  it.each(['', 'not a token', `${first} ${second}`, 'x'.repeat(100_000), '\0'])(
    'I3: is not whatever is in the file, of which nothing is shown: %#',
    async (content) => {
      await folder.write({ 'payments.jwt': content })
      const error = (await source()
        .token()
        .catch((one: unknown) => one)) as Error
      expect(error).toMatchObject({
        code: 'ERR_TOKEN_SOURCE_FILE',
        message: `no token in ${join(folder.path, 'payments.jwt')}`,
      })
      expect(error.cause).toBeUndefined()
    },
  )
})

describe('the source of tokens', () => {
  it('reads a file, by its path or by the name of the token', async () => {
    await writeFile(join(folder.path, 'other'), first)
    expect(await tokenSource({ file: join(folder.path, 'other') }).token()).toBe(first)
    await expect(tokenSource({ name: 'ledger' }).token()).rejects.toThrow('/var/run/secrets/signet.dev/ledger.jwt')
    await expect(tokenSource().token()).rejects.toThrow('/var/run/secrets/signet.dev/token')
  })

  it('is one of them, and stays in its folder', () => {
    expect(() => tokenSource({ name: 'ledger', file: 'x' })).toThrow(TypeError)
    expect(() => tokenSource({ name: '../token' })).toThrow(TypeError)
    expect(() => tokenSource({ exchange: { audience: 'x', subjectTokenFile: 'y' } })).toThrow('issuer is missing')
  })
})

import { expect, it, onTestFinished } from 'vitest'
import { throwawayAuthority } from '../../src/authority/warm-up/throwaway-authority.ts'
import { warmUp } from '../../src/authority/warm-up/warm-up.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { SecretFolder, ServingAuthority } from '../builders/serving-certificate.ts'

async function folder(): Promise<SecretFolder> {
  const files = await SecretFolder.create()
  onTestFinished(() => files.remove())
  return files
}

it('has every request answered as a real one', async () => {
  const files = await folder()
  await files.write(await (await ServingAuthority.create()).issue())
  expect(await warmUp({ certificateDirectory: files.path, limitMs: 60_000 })).toBe(1920)
})

it('ends when its time is over', async () => {
  const files = await folder()
  await files.write(await (await ServingAuthority.create()).issue())
  expect(await warmUp({ certificateDirectory: files.path, limitMs: 1 })).toBeLessThan(1920)
})

it('says that there is no certificate', async () => {
  await expect(warmUp({ certificateDirectory: (await folder()).path, limitMs: 1000 })).rejects.toThrow('ENOENT')
})

it('signs for names that nobody has, each time with another key', async () => {
  const [one, other] = await Promise.all([throwawayAuthority(), throwawayAuthority()])
  onTestFinished(() => [one, other].forEach((authority) => authority.close()))
  const [token, another] = await Promise.all([one.accountToken('orders'), other.accountToken('orders')])
  const { header, claims } = decodeToken(token)
  expect(header.kid).not.toBe(decodeToken(another).header.kid)
  expect([claims.iss, claims.aud]).toEqual(['https://cluster.invalid', ['https://authority.invalid']])
})

import { Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { describe, expect, it } from 'vitest'
import { noFixedSleep } from '../../scripts/no-fixed-sleep.ts'

const imported = "import { setTimeout as sleep } from 'node:timers/promises'\n"

function findings(code: string): string[] {
  const config: Linter.Config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { signet: { rules: { 'no-fixed-sleep': noFixedSleep } } },
    rules: { 'signet/no-fixed-sleep': 'error' },
  }
  return new Linter().verify(code, config, 'a.ts').map(({ message }) => message)
}

describe('the rule against fixed sleeps', () => {
  it.each([
    ['an imported sleep', `${imported}await sleep(200)`, 200],
    ['a product of constants', `${imported}const limit = 600\nawait sleep(limit * 11)`, 6600],
    [
      'a duration',
      `${imported}import { SECOND } from '../src/time/duration.ts'\nconst most = SECOND\nawait sleep(2.5 * most)`,
      2500,
    ],
    ['a promise of a timer', 'await new Promise((resolve) => setTimeout(resolve, 1_000))', 1000],
    [
      'a helper',
      'const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))\nawait pause(300)',
      300,
    ],
    [
      'a sleep beside held intervals',
      `${imported}vi.useFakeTimers({ toFake: ['setInterval'] })\nawait sleep(500)`,
      500,
    ],
  ])('finds %s', (_, code, ms) => {
    expect(findings(code)).toEqual([expect.stringContaining(`sleeps for ${ms} ms`)])
  })

  it.each([
    ['a short one', `${imported}await sleep(199)`],
    ['a limit of something', 'setTimeout(() => reject(new Error("late")), 10_000)'],
    ['an imported wait of the product', "import { pause } from '../src/time/deadline.ts'\nawait pause(60_000, signal)"],
    ['held timers', 'vi.useFakeTimers()\nawait new Promise((resolve) => setTimeout(resolve, 4_900))'],
  ])('leaves alone %s', (_, code) => {
    expect(findings(code)).toEqual([])
  })
})

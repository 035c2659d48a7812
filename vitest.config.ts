import { defineConfig } from 'vitest/config'
import { Order } from './test/e2e/order.ts'
import { retry, SecondTries } from './test/second-tries.ts'

// Limits say what hung; they have room for a machine that is many times slower, and that does other things too.
const serial = { retry, fileParallelism: false, testTimeout: 120_000, hookTimeout: 300_000 }

export default defineConfig({
  test: {
    sequence: { sequencer: Order },
    reporters: ['default', new SecondTries()],
    projects: [
      {
        test: {
          name: 'unit',
          retry,
          include: ['test/**/*.test.ts'],
          exclude: ['test/apiserver/**', 'test/redis/**', 'test/faults/**', 'test/e2e/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // One group after the other: what measures time has the machine for itself.
      { test: { name: 'apiserver', include: ['test/apiserver/**/*.test.ts'], sequence: { groupOrder: 1 }, ...serial } },
      { test: { name: 'redis', include: ['test/redis/**/*.test.ts'], sequence: { groupOrder: 1 }, ...serial } },
      // Minutes each: not part of `npm test`.
      { test: { name: 'faults', include: ['test/faults/**/*.test.ts'], sequence: { groupOrder: 3 }, ...serial } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/setup.ts',
          sequence: { groupOrder: 2 },
          ...serial,
        },
      },
    ],
  },
})

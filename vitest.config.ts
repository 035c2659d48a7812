import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { Order } from './test/order.ts'
import { retry, SecondTries } from './test/second-tries.ts'
import { TimeSpent } from './test/time-spent.ts'

// The time limits only end tests that hang, so they leave room for a slow and busy machine.
const common = { retry, testTimeout: 120_000, hookTimeout: 300_000 }
const cores = availableParallelism()
/** Each file starts its own etcd and kube-apiserver, or Redis servers, and waits for them half of the time. */
const servers = { ...common, maxWorkers: Math.max(3, cores), setupFiles: 'test/kubernetes-built.ts' }

export default defineConfig({
  test: {
    sequence: { sequencer: Order },
    reporters: ['default', new SecondTries(), new TimeSpent()],
    // The groups run one after another. The cluster of the e2e group is built and started meanwhile.
    projects: [
      {
        test: {
          name: 'unit',
          retry,
          include: ['test/**/*.test.ts'],
          exclude: ['test/apiserver/**', 'test/redis/**', 'test/faults/**', 'test/e2e/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: cores,
        },
      },
      {
        test: {
          name: 'apiserver',
          include: ['test/apiserver/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          ...servers,
        },
      },
      { test: { name: 'redis', include: ['test/redis/**/*.test.ts'], sequence: { groupOrder: 1 }, ...servers } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/setup.ts',
          setupFiles: 'test/e2e/ready.ts',
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          ...common,
        },
      },
      // Each file takes minutes, so this project is not part of `npm test`. Files run alone, because they measure time.
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          sequence: { groupOrder: 3 },
          fileParallelism: false,
          ...common,
          setupFiles: 'test/kubernetes-built.ts',
        },
      },
    ],
  },
})

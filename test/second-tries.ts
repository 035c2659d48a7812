import type { Reporter, TestModule } from 'vitest/node'

/**
 * Tests on real processes and sockets get a second try on a machine that stood still; what random input has found does
 * not, for another try would have other input.
 */
export const retry = { count: 1, condition: /^(?!.*\b(?:Property failed|seed)\b)/is }

/** Names at the end of a run what has passed on the second try only, so that it gets mended. */
export class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const flaky = modules.flatMap((module) =>
      [...module.children.allTests('passed')].filter((test) => test.diagnostic()?.flaky === true),
    )
    if (flaky.length === 0) return
    console.log(`\n passed on the second try only: ${flaky.length}`)
    for (const { module, fullName } of flaky) console.log(`   ${module.relativeModuleId} > ${fullName}`)
  }
}

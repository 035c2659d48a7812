import { describe, expect, it } from 'vitest'
import { timeTables } from './time-spent.ts'

const file = (project: string, name: string, tests: number, began: number, ended: number) => ({
  project,
  file: name,
  tests,
  began: began * 1000,
  ended: ended * 1000,
})

describe('the tables of where the time went', () => {
  it('show steps, projects and the slowest files, in seconds since the run began', () => {
    const files = [
      file('unit', 'test/a.test.ts', 7, 12, 13.5),
      file('e2e', 'test/e2e/b.test.ts', 2, 20, 130),
      file('unit', 'test/c.test.ts', 110, 13, 14),
    ]
    const steps = [{ name: 'bundle', began: 10_000, ended: 12_000 }]
    expect(timeTables(10_000, files, steps).split('\n')).toEqual([
      ' where the time went  files  tests  seconds  from     to',
      ' bundle                                 2.0   0.0    2.0',
      ' unit                     2    117      2.5   2.0    4.0',
      ' e2e                      1      2    110.0  10.0  120.0',
      '',
      ' slowest 3 files     project  tests  seconds',
      ' test/e2e/b.test.ts      e2e      2    110.0',
      ' test/a.test.ts         unit      7      1.5',
      ' test/c.test.ts         unit    110      1.0',
    ])
  })

  it('show ten files at most', () => {
    const files = Array.from({ length: 12 }, (_, index) => file('unit', `test/${index}.test.ts`, 1, 0, index + 1))
    const lines = timeTables(0, files, []).split('\n')
    expect(lines.at(-1)).toMatch(/test\/2\.test\.ts +unit +1 +3\.0$/)
    expect(lines).toHaveLength(2 + 1 + 11)
  })
})

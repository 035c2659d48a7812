import { expect, it } from 'vitest'
import { mutantsOf } from '../../tools/mutation/mutants.ts'

it('changes one operator, condition, literal or throw at a time', () => {
  const text = 'export const f = (a: number): boolean => {\n  if (a < 1) throw new Error()\n  return a > 2 && true\n}\n'
  const mutants = mutantsOf('f.ts', text)
  expect(mutants.map(({ line, change }) => `${line} ${change}`)).toEqual([
    '2 a < 1 → true',
    '2 a < 1 → false',
    '2 < → <=',
    '2 throw new Error() → ;',
    '3 && → ||',
    '3 > → >=',
    '3 true → false',
  ])
  expect(new Set(mutants.map((mutant) => mutant.text)).size).toBe(mutants.length)
  expect(mutants[2]?.text).toBe(text.replace('<', '<='))
})

it('leaves imports and types alone', () => {
  expect(
    mutantsOf('f.ts', "import { a } from './a.ts'\nexport type T = true\nexport interface I { b: false }\n"),
  ).toEqual([])
})

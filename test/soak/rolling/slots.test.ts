import { expect, it } from 'vitest'
import { assign } from './slots.ts'

it('leaves where it is who stays, and gives newcomers what is free', () => {
  expect(assign([undefined, undefined, undefined], [1, 2])).toEqual([1, 2, undefined])
  expect(assign([1, 2, undefined], [2, 3])).toEqual([3, 2, undefined])
  expect(assign([3, 2, undefined], [2])).toEqual([undefined, 2, undefined])
})

it('refuses more than there are slots', () => {
  expect(() => assign([1, 2], [1, 2, 3])).toThrow('3 replicas are more than 2')
})

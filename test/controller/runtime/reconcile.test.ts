import { expect, it } from 'vitest'
import { SignetError } from '../../../src/errors.ts'
import { StalledError } from '../../../src/controller/runtime/reconcile.ts'

it('StalledError has a code of its own or the one it is given, and keeps its cause', () => {
  const cause = new Error('below')
  expect(new StalledError('wait')).toMatchObject({ name: 'StalledError', code: 'ERR_STALLED', message: 'wait' })
  expect(new StalledError('wait', { code: 'ERR_OTHER', cause })).toMatchObject({ code: 'ERR_OTHER', cause })
  expect(new StalledError('wait')).toBeInstanceOf(SignetError)
})

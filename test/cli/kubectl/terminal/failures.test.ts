import { describe, expect, it } from 'vitest'
import { CommandError, remedyOf } from '../../../../src/cli/kubectl/terminal/failures.ts'
import { KubeError } from '../../../../src/kube/client/api-errors.ts'
import { resources } from '../../../../src/kube/client/resource.ts'

const failed = (status: number, reason: string) =>
  new KubeError({ verb: 'get', resource: resources.serviceIdentities, status, reason })

describe('remedyOf', () => {
  it.each([
    [failed(0, 'Unreachable'), 'check that the cluster at https://api is running'],
    [failed(401, 'Unauthorized'), 'log in'],
    [failed(403, 'Forbidden'), 'kubectl auth can-i --list'],
  ])('%s', (error, remedy) => {
    expect(remedyOf(error, 'https://api')).toContain(remedy)
  })

  it.each([failed(422, 'Invalid'), new CommandError('no such identity')])('leaves %s as it is', (error) => {
    expect(remedyOf(error, 'https://api')).toBe('')
  })
})

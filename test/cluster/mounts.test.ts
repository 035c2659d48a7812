import { describe, expect, it } from 'vitest'
import { mountPointsUnder } from '../../tools/cluster/mounts.ts'

const mountinfo = `20 1 8:1 / / rw - ext4 /dev/sda rw
30 20 0:40 / /var/lib/cluster/a rw - tmpfs tmpfs rw
31 30 0:41 / /var/lib/cluster/a/with\\040space rw - tmpfs tmpfs rw
32 20 0:42 / /var/lib/cluster-other rw - tmpfs tmpfs rw
33 20 0:43 / /var/lib/cluster rw - tmpfs tmpfs rw
`

describe('mountPointsUnder', () => {
  it('finds the directory and what is below it, the latest mount first', () => {
    expect(mountPointsUnder(mountinfo, ['/var/lib/cluster'])).toEqual([
      '/var/lib/cluster',
      '/var/lib/cluster/a/with space',
      '/var/lib/cluster/a',
    ])
  })
})

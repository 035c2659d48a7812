import { describe, expect, it } from 'vitest'
import { isOwn } from '../../tools/cluster/own-processes.ts'
import { containerdSocket, stateDirectory } from '../../tools/cluster/paths.ts'

const none = { environ: '', cmdline: '', mountinfo: '' }
const rootMount = (upper: string) =>
  `1 0 0:1 / / rw - overlay overlay rw,lowerdir=/x,upperdir=${upper}/7/fs,workdir=${upper}/7/work\n2 1 0:2 / /proc rw - proc proc rw`

describe('isOwn', () => {
  it('knows a process that inherited the marker', () => {
    expect(isOwn({ ...none, environ: `A=1\0SIGNET_CLUSTER_STATE=${stateDirectory}\0` })).toBe(true)
  })

  it("knows a shim of the cluster's containerd", () => {
    const cmdline = ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-address', containerdSocket].join(
      '\0',
    )
    expect(isOwn({ ...none, cmdline })).toBe(true)
  })

  it('knows a process in a container by its root file system', () => {
    expect(isOwn({ ...none, mountinfo: rootMount(`${stateDirectory}/containerd/snapshots`) })).toBe(true)
  })

  it.each([
    ['nothing', none],
    ['the marker of another state directory', { ...none, environ: `SIGNET_CLUSTER_STATE=${stateDirectory}-other\0` }],
    ['the marker as part of a value', { ...none, environ: `NOTE=SIGNET_CLUSTER_STATE=${stateDirectory}\0` }],
    [
      'a shim of another containerd',
      { ...none, cmdline: 'containerd-shim-runc-v2\0-address\0/run/containerd/containerd.sock' },
    ],
    ['an editor that shows the socket', { ...none, cmdline: `vi\0${containerdSocket}` }],
    ['a container of another engine', { ...none, mountinfo: rootMount('/var/lib/docker/overlay2') }],
    [
      'the host, where a mount of ours is visible',
      {
        ...none,
        mountinfo: `1 0 0:1 / / rw - ext4 /dev/sda rw\n${rootMount(stateDirectory).replace(' / / ', ' / /merged ')}`,
      },
    ],
  ])('leaves %s alone', (_, facts) => {
    expect(isOwn(facts)).toBe(false)
  })
})

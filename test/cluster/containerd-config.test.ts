import { describe, expect, it } from 'vitest'
import { configVersion2, configVersion3, pauseImage } from '../../tools/cluster/containerd-config.ts'
import {
  containerdRoot,
  containerdSocket,
  containerdState,
  runDirectory,
  shimDirectory,
  stateDirectory,
} from '../../tools/cluster/paths.ts'

const versions = [
  ['2', configVersion2()],
  ['3', configVersion3('/cache/containerd-shim-runc-v2')],
] as const

/** The lines of a table, without those of the tables in it. */
function table(config: string, name: string): string[] {
  const lines = config.split('\n').map((line) => line.trim())
  const rest = lines.slice(lines.indexOf(name === '' ? '' : `[${name}]`) + 1)
  const end = rest.findIndex((line) => line.startsWith('['))
  return rest.slice(0, end === -1 ? undefined : end).filter((line) => line !== '' && !line.startsWith('#'))
}

describe.each(versions)('the configuration of version %s', (version, config) => {
  it('begins with its version', () => {
    expect(config.startsWith(`version = ${version}\n`)).toBe(true)
  })

  it("keeps content, state and sockets in the cluster's directories", () => {
    expect(config).toContain(`\nroot = "${containerdRoot}"\nstate = "${containerdState}"\n`)
    expect(table(config, 'grpc')).toEqual([`address = "${containerdSocket}"`])
    const paths = [...config.matchAll(/"(\/[^"]+)"/g)].flatMap(([, path = '']) => path)
    const elsewhere = paths.filter((path) => !path.startsWith(`${stateDirectory}/`) && !path.startsWith(runDirectory))
    expect(elsewhere.every((path) => /cni|containerd-shim/.test(path))).toBe(true)
  })

  it('names no table and no key of a table twice', () => {
    const tables = [...config.matchAll(/^\s*\[(.+)\]$/gm)].map(([, name = '']) => name)
    expect(tables).toEqual([...new Set(tables)])
    for (const name of tables) {
      const keys = table(config, name).map((line) => line.split(' = ')[0])
      expect(keys, name).toEqual([...new Set(keys)])
    }
  })
})

describe('where containerd 2 moved a setting', () => {
  const [two, three] = [versions[0][1], versions[1][1]]
  const runtime = 'plugins."io.containerd.cri.v1.runtime"'
  const images = 'plugins."io.containerd.cri.v1.images"'
  const cri = 'plugins."io.containerd.grpc.v1.cri"'

  it.each([
    [
      'the image that holds namespaces',
      [cri, `sandbox_image = "${pauseImage}"`],
      [`${images}.pinned_images`, `sandbox = "${pauseImage}"`],
    ],
    ['the snapshotter', [`${cri}.containerd`, 'snapshotter = "overlayfs"'], [images, 'snapshotter = "overlayfs"']],
    ['no AppArmor', [cri, 'disable_apparmor = true'], [runtime, 'disable_apparmor = true']],
    [
      'the root of runc',
      [`${cri}.containerd.runtimes.runc.options`, `Root = "${runDirectory}/runc"`],
      [`${runtime}.containerd.runtimes.runc.options`, `Root = "${runDirectory}/runc"`],
    ],
  ] as const)('%s stands where each version reads it', (_, [oldTable, oldLine], [newTable, newLine]) => {
    expect(table(two, oldTable)).toContain(oldLine)
    expect(table(three, newTable)).toContain(newLine)
  })

  it('version 3 names the shim of its containerd and the directory of its sockets', () => {
    expect(table(three, `${runtime}.containerd.runtimes.runc`)).toContain(
      'runtime_path = "/cache/containerd-shim-runc-v2"',
    )
    expect(table(three, 'plugins."io.containerd.shim.v1.manager"')).toEqual([`socket_dir = "${shimDirectory}"`])
  })

  it('version 3 starts no NRI, which would leave a directory behind', () => {
    expect(three).toMatch(/^disabled_plugins = .*"io\.containerd\.nri\.v1\.nri"/m)
  })
})
